import { labels, type Name, parseName, ROOT } from "./name.ts";

export interface SearchList {
  readonly search: readonly Name[];
  readonly ndots: number;
}

/**
 * The names to try for what a person wrote, in order: with enough dots as it is and then with the suffixes, else the
 * other way round. A dot at the end means: exactly this. Undefined when it is no name.
 */
export function searchNames(text: string, list: SearchList | undefined): readonly Name[] | undefined {
  const name = parseName(text);
  if (name === undefined) return undefined;
  if (list === undefined || list.search.length === 0 || endsInDot(text)) return [name];
  const completed = list.search.map((suffix) => (suffix === ROOT ? name : parseName(`${name}.${suffix}`)));
  const usable = completed.filter((full) => full !== undefined && full !== name) as Name[];
  const dots = labels(name).length - 1;
  return dots >= list.ndots ? [name, ...usable] : [...usable, name];
}

function endsInDot(text: string): boolean {
  return text.endsWith(".");
}
