/** A source's state in the control plane. */
import { advancePositions, claimPositions, loadCheckpoint, saveCheckpoint } from '../sql/checkpoints.ts'
import type { Control } from '../sql/control.ts'
import { finishRun, startRun } from '../sql/runs.ts'
import type { LoadTarget } from './record-store.ts'
import type { SourceState } from './source-state.ts'

export function controlSourceState(control: Control, target: LoadTarget): SourceState {
  return {
    checkpoint: (stream) => loadCheckpoint(control, { ...target, stream }),
    saveCheckpoint: (stream, value) => saveCheckpoint(control, { ...target, stream, value }),
    claim: (positions, claim) => claimPositions(control, { ...target, positions, claim }),
    advance: (positions) => advancePositions(control, { ...target, positions }),
    startPass: (kind) => startRun(control, { ...target, kind }),
    finishPass: (id, end) => finishRun(control, id, end),
  }
}
