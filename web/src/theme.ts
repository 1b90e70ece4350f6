import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

// A quiet petrol for what can be done, ink for what is said. Text on white and
// on the dark surface keeps at least 4.5:1 (WCAG 1.4.3); axe checks it.
const petrol: MantineColorsTuple = [
  '#eaf5f4',
  '#d5eae8',
  '#a9d5d1',
  '#79beb8',
  '#52aaa2',
  '#318f87',
  '#1b7c75',
  '#0f6b65',
  '#0a5752',
  '#06403d',
]

const dark: MantineColorsTuple = [
  '#dbe2e3',
  '#b3bec0',
  '#94a1a4',
  '#667276',
  '#3f4a4e',
  '#2d373a',
  '#20282b',
  '#151b1d',
  '#0f1416',
  '#0a0d0e',
]

const red: MantineColorsTuple = [
  '#fef1ef',
  '#fddcd8',
  '#fbb9b1',
  '#f9a398',
  '#ff9d94',
  '#e0493b',
  '#c9372b',
  '#b42318',
  '#912018',
  '#7a271a',
]

const sans = '"Inter Variable", ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'

export const theme = createTheme({
  colors: { petrol, red, dark },
  primaryColor: 'petrol',
  primaryShade: { light: 7, dark: 6 },
  black: '#172023',
  fontFamily: sans,
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontFamily: sans, fontWeight: '650' },
  defaultRadius: 'md',
  radius: { md: '6px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'md' } },
    PasswordInput: { defaultProps: { size: 'md' } },
  },
})

/** Mantine's grey texts and red errors have too little contrast on white; these have enough. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#566367',
    '--mantine-color-placeholder': '#6a777b',
    '--mantine-color-error': '#b42318',
    '--mantine-color-body': '#ffffff',
    '--lk-page': '#f5f7f7',
    '--lk-surface': '#ffffff',
    '--lk-line': '#dbe1e3',
    '--lk-line-strong': '#b9c3c6',
    '--lk-good': '#1a7340',
    '--lk-good-soft': '#e7f4ec',
    '--lk-warn': '#8a4b00',
    '--lk-warn-soft': '#fdf3e1',
    '--lk-bad': '#b42318',
    '--lk-bad-soft': '#fdeeec',
    '--lk-calm-soft': '#eef2f3',
    '--lk-accent-soft': '#eaf5f4',
    '--lk-switch-off': '#86949a',
  },
  dark: {
    '--mantine-color-dimmed': '#94a1a4',
    '--mantine-color-placeholder': '#87959a',
    '--mantine-color-error': '#ff9d94',
    '--mantine-color-body': '#151b1d',
    '--mantine-color-petrol-light': '#14302f',
    '--mantine-color-petrol-light-hover': '#1a3d3b',
    '--mantine-color-petrol-light-color': '#79beb8',
    '--lk-page': '#0f1416',
    '--lk-surface': '#151b1d',
    '--lk-line': '#2a3437',
    '--lk-line-strong': '#455257',
    '--lk-good': '#6fd096',
    '--lk-good-soft': '#142a1e',
    '--lk-warn': '#eab765',
    '--lk-warn-soft': '#2c2212',
    '--lk-bad': '#ff9d94',
    '--lk-bad-soft': '#351a18',
    '--lk-calm-soft': '#20282b',
    '--lk-accent-soft': '#12292a',
    '--lk-switch-off': '#5a686d',
  },
})
