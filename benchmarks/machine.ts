/** What the figures were measured on. */
import { cpus, release, totalmem } from 'node:os'
import { createRequire } from 'node:module'

export function printMachine(): void {
  const require = createRequire(import.meta.url)
  const version = (name: string): string => (require(`${name}/package.json`) as { version: string }).version
  console.log(`machine   ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`)
  console.log(`versions  node ${process.version}, chdb ${version('chdb')}, @clickhouse/client ${version('@clickhouse/client')}\n`)
}

/** The q-quantile of a sample, by the nearest rank. */
export function quantile(sample: number[], q: number): number {
  const sorted = [...sample].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!
}

export function median(sample: number[]): number {
  return quantile(sample, 0.5)
}
