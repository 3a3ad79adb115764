/** Which files of a directory are one log and its rotated predecessors, oldest first. */

const COMPRESSED = /\.(gz|bz2|xz|zst)$/

/**
 * Sorts a log's files by age: dated ones (`queue_log-20261123`) by date, then
 * numbered ones (`queue_log.2`, `queue_log.1`), then the log itself.
 */
export function rotationOrder(base: string, names: readonly string[]): { names: string[]; compressed: string[] } {
  const plain: { name: string; key: [number, number] }[] = []
  const compressed: string[] = []
  for (const name of names) {
    if (!name.startsWith(base)) continue
    const suffix = name.slice(base.length)
    const key = ageOf(suffix.replace(COMPRESSED, ''))
    if (key === undefined) continue
    if (COMPRESSED.test(suffix)) compressed.push(name)
    else plain.push({ name, key })
  }
  plain.sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1])
  return { names: plain.map((file) => file.name), compressed }
}

function ageOf(suffix: string): [group: number, order: number] | undefined {
  if (suffix === '') return [2, 0]
  const dated = /^[-.](\d{8,14})$/.exec(suffix)
  if (dated !== null) return [0, Number((dated[1] ?? '').padEnd(14, '0'))]
  const numbered = /^\.(\d{1,7})$/.exec(suffix)
  return numbered === null ? undefined : [1, -Number(numbered[1])]
}
