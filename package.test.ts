/** What `npm ci` on a stranger's machine stands on. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

interface Package {
  version?: string
  hasInstallScript?: boolean
  optionalDependencies?: Record<string, string>
  resolved?: string
}

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8')
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Package> }
const manifest = JSON.parse(read('package.json')) as { allowScripts: Record<string, boolean> }

test("the lock file names every platform's engine, at the version the engine's package asks for", () => {
  // An `npm install` drops those that the registry at hand does not have, and `npm ci` then fails everywhere.
  const wanted = lock.packages['node_modules/chdb']!.optionalDependencies!
  const locked = Object.fromEntries(Object.keys(wanted).map((name) => [name, lock.packages[`node_modules/${name}`]?.version]))
  expect(locked).toEqual(wanted)
})

test('every package that runs a script at installation has an answer in allowScripts', () => {
  const scripted = Object.entries(lock.packages).flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript ? [path.replace(/^.*node_modules\//, '')] : [],
  )
  // Optional on other systems only.
  expect(scripted.filter((name) => name !== 'fsevents').sort()).toEqual(Object.keys(manifest.allowScripts).sort())
})

test('the lock file names no host', () => {
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([])
})
