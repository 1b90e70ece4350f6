import { useTranslation } from 'react-i18next'
import { type ProblemError, toProblem } from '@/api/problem'
import { count, sentence } from '@/lib/format'
import { en } from '@/lib/i18n'

type OwnText = keyof typeof en.problem
const isOwn = (code: string): code is OwnText => Object.hasOwn(en.problem, code)

export type Explained = { text: string; requestId: string | undefined; problem: ProblemError }

/**
 * What to tell a person of an error: the console's own words where the
 * catalogue has some for the code, else the API's sentence.
 */
export function useExplain(): (error: unknown) => Explained {
  const { t } = useTranslation('problem')
  return (error) => {
    const problem = toProblem(error)
    const wait = problem.retryAfter ? t('wait', { time: waiting(problem.retryAfter) }) : ''
    const text = isOwn(problem.code) ? t(problem.code) : sentence(problem.detail) || t('unreadable')
    // A fault of the server is worth a question to the operator; a wrong input is not.
    const requestId = problem.status >= 500 ? problem.requestId : undefined
    return { text: `${text} ${wait}`.trim(), requestId, problem }
  }
}

function waiting(seconds: number): string {
  const minutes = Math.ceil(seconds / 60)
  const words = (n: number, unit: 'second' | 'minute') =>
    new Intl.NumberFormat(undefined, { style: 'unit', unit, unitDisplay: 'long' }).format(n)
  return seconds < 90 ? words(seconds, 'second') : minutes < 600 ? words(minutes, 'minute') : count(minutes)
}
