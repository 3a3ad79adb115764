/**
 * Why the embedded engine did not open its data directory. The engine itself
 * only says that it could not connect; the operator needs to know who holds it.
 */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { CallhouseError } from '../errors.ts'

/** The error to throw when the engine refused `path`. */
export function explainRefusal(path: string, cause: unknown): CallhouseError {
  const holder = findHolder(path)
  if (holder === undefined) {
    return new CallhouseError(
      'warehouse_unavailable',
      `The embedded engine could not open ${path}. Check that the directory is writable and was not written by a newer version.`,
      {
        cause,
      },
    )
  }
  return new CallhouseError(
    'warehouse_locked',
    `The warehouse in ${path} is in use by process ${holder.pid}${holder.command ? ` (${holder.command})` : ''}. ` +
      'One process owns an embedded warehouse: stop that one, or run `callhouse warehouse` and point both at its address.',
    { cause, details: { pid: holder.pid } },
  )
}

/** The engine writes its process id into `status`; the file may outlive it, so the process must too. */
function findHolder(path: string): { pid: number; command: string } | undefined {
  const pid = Number(/^PID: (\d+)/m.exec(readText(join(path, 'status')))?.[1])
  if (!Number.isInteger(pid) || pid === process.pid || !isAlive(pid)) return undefined
  return { pid, command: commandOf(pid) }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Program, script and verb only: later arguments may hold secrets. */
function commandOf(pid: number): string {
  const words = readText(`/proc/${pid}/cmdline`).split('\0').filter(Boolean)
  const plain = words.filter((word) => !word.startsWith('-')).slice(0, 3)
  return plain
    .map((word) => (word.includes('/') ? basename(word) : word))
    .filter((word) => word.length < 40)
    .join(' ')
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
