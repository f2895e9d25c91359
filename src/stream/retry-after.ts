import type { Millis } from "../lib/millis.ts";

/** The longest wait that is believed. */
export const MAX_RETRY_AFTER: Millis = 86_400_000;

const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
/** IMF-fixdate, and the two obsolete forms that a recipient must read (RFC 9110, 5.6.7). */
const FIXDATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC850 = /^[A-Z][a-z]+day, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/**
 * Milliseconds to wait, from the value of a Retry-After header: seconds or a date (RFC 9110, 10.2.3). `wallNow` is in
 * milliseconds since 1970. A date that has passed is 0; more than a day is a day; undefined for anything else.
 */
export function retryAfter(value: string, wallNow: number): Millis | undefined {
  const text = value.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER);
  const date = httpDate(text, wallNow);
  return date === undefined ? undefined : Math.min(Math.max(date - wallNow, 0), MAX_RETRY_AFTER);
}

function httpDate(text: string, wallNow: number): number | undefined {
  const fixdate = FIXDATE.exec(text);
  if (fixdate !== null) {
    const [, day, month, year, hour, minute, second] = fixdate;
    return moment([year, month, day, hour, minute, second]);
  }
  const asctime = ASCTIME.exec(text);
  if (asctime !== null) {
    const [, month, day, hour, minute, second, year] = asctime;
    return moment([year, month, day, hour, minute, second]);
  }
  const rfc850 = RFC850.exec(text);
  if (rfc850 === null) return undefined;
  const [, day, month, year, hour, minute, second] = rfc850;
  const thisYear = 1970 + Math.floor(wallNow / 31_556_952_000);
  // A year that seems more than 50 years ahead is the last one with these digits (RFC 9110, 5.6.7).
  const near = thisYear - (thisYear % 100) + Number(year);
  return moment([`${near > thisYear + 50 ? near - 100 : near}`, month, day, hour, minute, second]);
}

/** Milliseconds since 1970 of year, month's name, day, hour, minute, second. */
function moment(parts: readonly (string | undefined)[]): number | undefined {
  const month = MONTHS.indexOf(`${parts[1]}`) / 3;
  if (!Number.isInteger(month) || month < 0) return undefined;
  const [year = 0, , day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  // Days since 1970 of a date in the Gregorian calendar, counted from 1 March so that the leap day comes last.
  const shifted = month < 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 10) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return (
    (era * 146_097 + dayOfEra - 719_468) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000
  );
}
