-- Looks whether this server has remembered everything since an epoch began, or
-- begins one. Answers the server's time in ms, or 0: it has not.
-- KEYS: epoch. ARGV: its name; 1 to begin it.
local info = redis.call('INFO', 'server', 'replication')
local run, replication = string.match(info, 'run_id:(%x+)'), string.match(info, 'master_replid:(%x+)')
local mark = ARGV[1] .. ' ' .. run .. ' ' .. replication
if ARGV[2] == '1' then
  redis.call('SET', KEYS[1], mark)
elseif redis.call('GET', KEYS[1]) ~= mark then
  return 0
end
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
