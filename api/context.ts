/** Everything the routes need, handed over once when the server is built. */
import type { Control } from '../sql/control.ts'
import type { Warehouse } from '../sql/warehouse.ts'
import type { ReadCoverage } from '../transform/completeness.ts'
import type { Ingest } from './ingest-port.ts'
import type { OpenAudio } from './open-audio.ts'
import type { ReadinessReport } from './readiness.ts'

export interface ApiConfig {
  /** A key with every scope over every tenant (`CALLHOUSE_ADMIN_KEY`). */
  adminKey?: string
  host: string
  port: number
  /** What clients reach us as, for links in manifests. @default the request's own protocol and host */
  publicUrl?: string
  /** Requests per minute and address before `rate_limited`. @default 3000 */
  requestsPerMinute?: number
  /** True behind a proxy that sets X-Forwarded-For. @default false */
  trustProxy?: boolean
  /** Lets anyone read /metrics; otherwise it takes a key with scope admin. @default false */
  openMetrics?: boolean
}

/** What is happening in a tenant's queues right now. */
export interface LiveSnapshot {
  as_of: string | null
  queues: { queue_id: string; waiting: number; longest_wait_ms: number }[]
  agents: { state: string; agents: number }[]
}

export interface ApiContext {
  warehouse: Warehouse
  control: Control
  config: ApiConfig
  version: string
  now: () => number
  /** What each tenant's sources have covered, at most a second old. */
  coverage: ReadCoverage
  live: (tenant_id: string) => Promise<LiveSnapshot>
  openAudio: OpenAudio | undefined
  /** Where what is pushed goes; without it the server takes nothing in. */
  ingest: Ingest | undefined
  pseudonymKey: ((tenant_id: string) => string | Buffer | Promise<string | Buffer>) | undefined
  ready: () => Promise<ReadinessReport>
}
