/** The named reports. Each is data; it runs through the same compiler as any query. */
import { CallhouseError } from '../../errors.ts'
import type { QueryRequest } from '../compile-query.ts'
import { didYouMean } from '../nearest-names.ts'
import { agentPerformance } from './agent-performance.ts'
import { billingUsage } from './billing-usage.ts'
import { callVolume } from './call-volume.ts'
import { queuePerformance } from './queue-performance.ts'
import type { Report } from './report.ts'
import { smsDelivery } from './sms-delivery.ts'

export type { Report } from './report.ts'

export const reports: readonly Report[] = Object.freeze([queuePerformance, agentPerformance, callVolume, smsDelivery, billingUsage])

/** What a caller of a report still chooses. */
export type ReportRequest = Omit<QueryRequest, 'metrics' | 'dimensions'>

/** The report of that name; throws `report_unknown` with the nearest names. */
export function findReport(name: string): Report {
  const report = reports.find((candidate) => candidate.name === name)
  if (report) return report
  const known = reports.map((candidate) => candidate.name)
  throw new CallhouseError('report_unknown', `No report "${name.slice(0, 60)}". ${didYouMean(name, known)}`)
}

/** The query a report stands for over the caller's range, grain and filters. */
export function reportQuery(name: string, request: ReportRequest): QueryRequest {
  const report = findReport(name)
  return {
    ...request,
    metrics: report.metrics,
    dimensions: report.dimensions,
    grain: request.grain ?? report.default_grain,
    order: request.order ?? report.order,
  }
}
