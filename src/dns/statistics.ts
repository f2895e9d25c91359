/** Counters of one resolver since it was made. */
export class Statistics {
  lookups = 0;
  answered = 0;
  failed = 0;
  aborted = 0;
  /** Lookups that joined a query already under way. */
  joined = 0;
  cacheHits = 0;
  cacheMisses = 0;
  staleAnswers = 0;
  prefetches = 0;
  /** Queries, sent once or more. */
  queries = 0;
  sentUdp = 0;
  sentTcp = 0;
  received = 0;
  /** Sends after the first of a query. */
  retries = 0;
  /** Tries that ended in silence. */
  silent = 0;
  unreachable = 0;
  truncated = 0;
  /** Datagrams that were no answer to the question they came for: DNS-01. */
  dropped = 0;
  /** Of these: with another id, from the right address. */
  wrongId = 0;
  wrongQuestion = 0;
  wrongCase = 0;
  malformed = 0;
  /** Answers with bytes behind their last record. */
  trailing = 0;
  /** Right answers to a try that no longer waited. */
  late = 0;
  /** Queries that went on over TCP because of a wrong datagram: DNS-07. */
  distrusted = 0;
}
