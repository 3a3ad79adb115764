/**
 * What is remembered of a source between batches and between processes: how far
 * it has been read, and how its passes ended. The control plane in production
 * (control-source-state.ts), memory in the simulation.
 */
import type { Position } from './source.ts'

export interface PassEnd {
  status: 'succeeded' | 'failed' | 'stopped'
  inputs: number
  accepted: number
  rejected: number
  error?: string | undefined
}

/** What the ranges of a batch have in common. */
export interface Claim {
  /** A name no other batch has. */
  batch: string
  /** When its rows were made, as they say. */
  observed_at: string
}

export interface SourceState {
  /** The checkpoint of a stream as it was saved; undefined when there is none. */
  checkpoint(stream: string): Promise<unknown>
  saveCheckpoint(stream: string, value: unknown): Promise<void>
  /** Notes the ranges that are about to be loaded as one batch, where they follow what is loaded. */
  claim(positions: readonly Position[], claim: Claim): Promise<void>
  /** Saves positions, all or none; each only ever moves forward. What was claimed of them is done. */
  advance(positions: readonly Position[]): Promise<void>
  /** Records that a pass begins; returns its id. */
  startPass(kind: string): Promise<string>
  finishPass(id: string, end: PassEnd): Promise<void>
}
