/**
 * What a verb that works on the two databases is: a function of open stores,
 * its options and where it prints. It runs the same in a process of its own and
 * inside the process that has the data directory (run-verb.ts).
 */
import type { Logger } from 'pino'
import type { Stores } from './app.ts'
import type { SourceSettings } from './config.ts'
import type { Control } from './sql/control.ts'

/** A terminal, a pipe, or a connection to one. */
export interface Output {
  /** Whether lines may be redrawn. */
  readonly is_tty: boolean
  out(text: string): void
  err(text: string): void
}

export interface ControlWork {
  control: Control
  output: Output
}

export interface StoresWork extends ControlWork {
  stores: Stores
  /** Those of the process that does the work. */
  sources: readonly SourceSettings[]
  log: Logger
  /** Aborts when nobody waits for the work any more, or its process stops; it is given up at its next step. */
  signal: AbortSignal
}

interface Checked<Options> {
  /** Finds mistakes before anything is opened. */
  check?: (options: Options) => void
}

/** Resolves to the exit code; needs the control plane only. */
export interface ControlVerb<Options> extends Checked<Options> {
  opens: 'control'
  run: (work: ControlWork, options: Options) => Promise<number>
}

/** Resolves to the exit code; needs both databases. */
export interface StoresVerb<Options> extends Checked<Options> {
  opens: 'stores'
  run: (work: StoresWork, options: Options) => Promise<number>
}
