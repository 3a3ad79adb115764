/** What /readyz says, and to whom. */
import { Type } from 'typebox'

export interface SourceReport {
  tenant: string
  source: string
  /** `starting` until the first pass has ended or the first batch is stored. */
  state: 'starting' | 'ok' | 'failing'
  /** ISO time at which it came into this state. */
  since: string
  /** Why it fails; docs/errors.md has the codes. */
  code?: string
  /** Passes in a row that failed. */
  failures?: number
}

export interface ReadinessReport {
  ready: boolean
  /** Something needs an operator, though the process does the work that it is asked for. */
  degraded?: boolean
  /** One line per dependency: ok, or what is wrong with it. */
  checks: Record<string, string>
  /** The sources that this process pulls. */
  sources?: SourceReport[]
}

/** Probes come without a key: they learn that a source fails and why, not whose it is. */
export function withoutNames({ sources, ...report }: ReadinessReport): PublicReadiness {
  return sources ? { ...report, sources: sources.map(({ tenant: _tenant, source: _source, ...rest }) => rest) } : report
}

type PublicReadiness = Omit<ReadinessReport, 'sources'> & { sources?: Omit<SourceReport, 'tenant' | 'source'>[] }

export const Readiness = Type.Object({
  ready: Type.Boolean(),
  degraded: Type.Optional(Type.Boolean({ description: 'A source needs an operator' })),
  checks: Type.Record(Type.String(), Type.String()),
  sources: Type.Optional(
    Type.Array(
      Type.Object({
        tenant: Type.Optional(Type.String({ description: 'With the admin key only' })),
        source: Type.Optional(Type.String({ description: 'With the admin key only' })),
        state: Type.Union([Type.Literal('starting'), Type.Literal('ok'), Type.Literal('failing')]),
        since: Type.String(),
        code: Type.Optional(Type.String()),
        failures: Type.Optional(Type.Integer()),
      }),
    ),
  ),
})
