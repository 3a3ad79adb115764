/** Turns a mistyped name into "did you mean", so that an error says what to do. */

function editDistance(a: string, b: string): number {
  // One row of the usual table at a time: row[j] is the distance of what was read of `a` to the first j letters of `b`.
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (const [i, letter] of Array.from(a).entries()) {
    let diagonal = i
    let left = i + 1
    row = row.map((above, j) => {
      if (j > 0) left = Math.min(above + 1, left + 1, diagonal + (letter === b[j - 1] ? 0 : 1))
      diagonal = above
      return left
    })
  }
  return row.at(-1) ?? 0
}

/** Up to three known names within a third of the typed name's length (at least 2 edits), or that contain it, nearest first. */
export function nearestNames(typed: string, known: readonly string[]): string[] {
  const wanted = typed.slice(0, 64).toLowerCase()
  const limit = Math.max(2, Math.floor(wanted.length / 3))
  const near = known
    .map((name) => ({ name, distance: editDistance(wanted, name) - (wanted.length > 2 && name.includes(wanted) ? 100 : 0) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
  const nearest = near[0]?.distance ?? 0
  // A name that is much nearer than the rest stands alone.
  return near
    .filter(({ distance }) => distance <= nearest + 2)
    .slice(0, 3)
    .map(({ name }) => name)
}

/** "Did you mean a, b?" or, when nothing is near, the whole list. */
export function didYouMean(typed: string, known: readonly string[]): string {
  const near = nearestNames(typed, known)
  return near.length > 0 ? `Did you mean ${near.join(', ')}?` : `Known: ${known.join(', ')}.`
}
