import { useTranslation } from 'react-i18next'
import { type ProblemError, toProblem } from '@/api/problem'
import { duration, sentence } from '@/lib/format'
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
    const wait = problem.retryAfter ? t('wait', { time: duration(problem.retryAfter) }) : ''
    const code = problem.code === 'internal_error' && problem.read ? 'internal_read' : problem.code
    const text = isOwn(code) ? t(code) : sentence(problem.detail) || t('unreadable')
    // A fault of the server is worth a question to the operator; a wrong input is not.
    const requestId = problem.status >= 500 ? problem.requestId : undefined
    return { text: `${text} ${wait}`.trim(), requestId, problem }
  }
}
