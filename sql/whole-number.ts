/** Postgres sends int8 as text. Ours are counts and sequence numbers, so they become numbers, and one too large is an error, never a rounded value. */
export function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is not a whole number that JavaScript can hold`)
  return value
}
