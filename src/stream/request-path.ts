import { UsageError } from "../lib/errors.ts";
import type { Streamtype } from "../policy/index.ts";
import { expand, type MetadataValues, type Place } from "./metadata.ts";

/** Stands for one `${name}`; no text of a policy holds it. */
const GAP = "\0";

/**
 * `http_url` with each `${name}` filled in. A value fits where it stands: one that is the whole path may hold slashes,
 * one that is the whole query may hold parameters, any other keeps to its segment or its parameter.
 *
 * Throws UsageError `metadata-unknown` or `metadata-unsafe`.
 */
export function expandUrl(template: string, streamtype: Streamtype, values: MetadataValues): string {
  const skeleton = template.replace(/\$\{[^{}]*\}/g, GAP);
  if (!skeleton.includes(GAP)) return template;
  const places = placesOf(skeleton);
  const url = expand(template, streamtype, values, (index) => places[index] as Place);
  const written = pathOf(skeleton).split("/");
  const isWhole = isAlone(pathOf(skeleton));
  for (const [index, segment] of pathOf(url).split("/").entries()) {
    if ((isWhole || written[index]?.includes(GAP) === true) && climbs(segment))
      throw climbed(template, segment);
  }
  return url;
}

/** For each gap, in order, what it is put into. */
function placesOf(skeleton: string): readonly Place[] {
  const path = pathOf(skeleton);
  const query = skeleton.slice(path.length + 1);
  const isUrl = path === skeleton;
  const inPath = isAlone(path) ? (isUrl ? "url" : "path") : "segment";
  const ofPath: Place[] = gapsOf(path).map(() => inPath);
  if (query === GAP) return [...ofPath, "query"];
  const ofQuery = query.split("&").flatMap((parameter) => {
    const equals = parameter.indexOf("=");
    return gapsOf(parameter).map(
      (at): Place => (equals >= 0 && at > equals ? "parameter" : "parameter name"),
    );
  });
  return [...ofPath, ...ofQuery];
}

function pathOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
}

function isAlone(path: string): boolean {
  return path.replace(/^\/+/, "") === GAP;
}

function gapsOf(text: string): readonly number[] {
  return [...text.matchAll(/\0/g)].map(({ index }) => index);
}

/**
 * Whether a server may read the segment as `.` or `..`, or as the end of one: many decode percent signs first
 * (RFC 3986, 6.2.2.3), some take a backslash for a slash and cut off what follows a semicolon.
 */
function climbs(segment: string): boolean {
  const plain = segment.replace(/%2e/gi, ".").replace(/%2f|%5c/gi, "/");
  return plain.includes("\\") || plain.split("/").some((part) => /^\.{1,2}(;|$)/.test(part));
}

function climbed(template: string, segment: string): UsageError {
  return new UsageError(
    `Cannot connect: metadata in "${template}" makes the segment "${segment.slice(0, 60)}", which would change the path`,
    "metadata-unsafe",
  );
}
