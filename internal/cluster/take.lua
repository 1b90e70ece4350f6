-- Takes points and place, or nothing at all. Time is the server's, so that all
-- gateway nodes are in one minute.
-- KEYS: points; for a call that must not happen twice also place and epoch.
-- ARGV: cost, limit; then now, end of the place and most difference of the
-- clocks, all in ms; the epoch's name; 1 if a copy may have been forgotten.
local MINUTE = 60000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute, used = math.floor(now / MINUTE), 0

local kept = redis.call('GET', KEYS[1])
if kept then
  local at, sum = string.match(kept, '^(%d+) (%d+)$')
  at = tonumber(at)
  -- A clock that was set back a little must not fill the points up again.
  if at == minute or at == minute + 1 then
    minute, used = at, tonumber(sum)
  end
end
if tonumber(ARGV[1]) > tonumber(ARGV[2]) - used then
  return 'points'
end

if KEYS[2] then
  if ARGV[7] == '1' then
    return 'clock'
  end
  if math.abs(now - tonumber(ARGV[3])) > tonumber(ARGV[5]) then
    return 'skew'
  end
  local info = redis.call('INFO', 'server', 'replication')
  local run, replication = string.match(info, 'run_id:(%x+)'), string.match(info, 'master_replid:(%x+)')
  if redis.call('GET', KEYS[3]) ~= ARGV[6] .. ' ' .. run .. ' ' .. replication then
    return 'epoch'
  end
  -- The first write: when memory is used up it fails, and nothing was taken.
  if not redis.call('SET', KEYS[2], '', 'NX', 'PXAT', ARGV[4]) then
    return 'seen'
  end
end
redis.call('SET', KEYS[1], string.format('%d %d', minute, used + ARGV[1]), 'PXAT', string.format('%d', (minute + 1) * MINUTE))
return 'all'
