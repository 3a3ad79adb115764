/** Lets the rule's test, which is TypeScript, import the rule, which ESLint loads as JavaScript. */
import type { Rule } from 'eslint'

export const importDirections: Rule.RuleModule
