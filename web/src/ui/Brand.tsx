/** The mark and the name. */
export function Brand({ size = 26 }: { size?: number }) {
  return (
    <span
      style={{
        display: 'inline-flex',
        gap: 10,
        alignItems: 'center',
        fontWeight: 700,
        fontSize: size * 0.7,
        letterSpacing: '-0.01em',
      }}
    >
      <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#0f6b65" />
        <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" strokeLinejoin="round">
          <circle cx="11" cy="16" r="4.4" />
          <path d="M15.4 16H26v4.2M21.2 16v3.2" />
        </g>
      </svg>
      Latchkey
    </span>
  )
}
