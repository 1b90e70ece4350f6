// What a browser calls itself, in words. Only for people: nothing is decided by it.

const browsers: [mark: RegExp, name: string][] = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Headless)?Chrom(?:e|ium)\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
]

const systems: [mark: RegExp, name: string][] = [
  [/\bAndroid\b/, 'Android'],
  [/\b(?:iPhone|iPad|iPod)\b/, 'iOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

const first = (list: [RegExp, string][], text: string) => list.find(([mark]) => mark.test(text))?.[1]

/** Either part is absent where it cannot be told. Edge and Chrome also say Safari, so the order counts. */
export function browserOf(agent: string): { browser: string | undefined; system: string | undefined } {
  return { browser: first(browsers, agent), system: first(systems, agent) }
}

export function isPhone(agent: string): boolean {
  return /\b(?:Mobile|Android|iPhone|iPad)\b/.test(agent)
}
