/** What another process has used so far, from /proc. */
import { readFileSync } from 'node:fs'

/** Clock ticks a second in /proc; the same on every Linux that Node runs on. */
const TICK_MS = 10

/** CPU time of all threads of a process. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Resident memory of a process now. */
export function megabytesOf(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024)
}

/** Resolves when the process has used less than a quarter of a core for a second; gives up after a minute. */
export async function untilQuiet(pid: number): Promise<void> {
  for (let looks = 0; looks < 60; looks++) {
    const before = cpuOf(pid)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    if (cpuOf(pid) - before < 250) return
  }
}
