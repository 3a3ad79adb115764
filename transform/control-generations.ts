/** The generations of facts, numbered by the control plane. */
import type { Control } from '../sql/control.ts'
import { latestGeneration, nextGeneration } from '../sql/generations.ts'
import type { Generations } from './fact-store.ts'

export function controlGenerations(control: Control): Generations {
  return { next: () => nextGeneration(control), latest: () => latestGeneration(control) }
}
