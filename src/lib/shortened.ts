/** Text for a message, cut where it has more than `most` UTF-16 code units. */
export function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
