import { describe, expect, it } from 'vitest'
import { compileQuery } from '../compile-query.ts'
import { findReport, reportQuery, reports } from './index.ts'

const range = { tenant_id: 'acme', from: '2026-10-01', to: '2026-11-01', tz: 'Europe/Berlin' }

describe('reports', () => {
  it('are what the lists say, and each compiles at its own grain', () => {
    expect(reports.map((report) => report.name)).toEqual(['queue_performance', 'agent_performance', 'call_volume', 'sms_delivery', 'billing_usage'])
    for (const report of reports) {
      const { columns, request } = compileQuery(reportQuery(report.name, range))
      expect(request.range.grain).toBe(report.default_grain)
      expect(request.dimensions).toEqual(report.dimensions)
      expect(columns.map((column) => column.name)).toEqual(expect.arrayContaining([...report.metrics]))
    }
  })

  it('leave grain, order and filters to the caller', () => {
    const { request } = compileQuery(
      reportQuery('queue_performance', { ...range, grain: '1w', order: ['-offered'], filters: ['queue:sales'], limit: 3 }),
    )
    expect(request).toMatchObject({ range: { grain: '1w' }, order: ['-offered'], limit: 3, filters: [{ dimension: 'queue', values: ['sales'] }] })
  })

  it('name the nearest when there is none', () => {
    expect(() => findReport('queue_perfomance')).toThrow(
      expect.objectContaining({ code: 'report_unknown', message: expect.stringContaining('Did you mean queue_performance?') }),
    )
  })
})
