-- What limits.lua does, for what is asked most, in a fraction of the time: takes from rates and calendar windows of less than
-- 2^52, or looks at them, each of another counter, nothing of it counted once.
--
-- KEYS, ARGV, shares and answers are those of limits.lua. Where a share goes over to another rule it answers nothing and has
-- done nothing: limits.lua is to be asked.

local call, fmt = redis.call, string.format
local floor, ceil, fmod, max, min = math.floor, math.ceil, math.fmod, math.max, math.min
local clock = call('TIME')
local S, U = tonumber(clock[1]), tonumber(clock[2])
local TAKE, OVERFLOW, FIELDS = ARGV[1] == 'take', ARGV[2], 9
local count, refused = #KEYS, false
local keys, names, indexed, existed, used, rest, exceeded = {}, {}, {}, {}, {}, {}, {}

-- Whole seconds of nanoseconds, and the rest, which has nine digits at most whatever it is of: what fmod says is exact.
local function split(nano)
  local rest = fmod(floor(nano), 1e9)
  local seconds = floor((floor(nano) - rest) / 1e9 + 0.5)
  if rest < 0 then return seconds - 1, rest + 1e9 end
  return seconds, rest
end

for i = 1, count do
  local at = 2 + (i - 1) * FIELDS
  local base, key, kind = KEYS[i], ARGV[at + 1], ARGV[at + 3]
  local size, span, units = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local name = base .. ':' .. key
  local text = call('GET', name)
  if not text and key ~= OVERFLOW then
    local room, many = tonumber(ARGV[at + 2]), call('ZCARD', base)
    if TAKE and many > 0 then
      local due = call('ZRANGEBYSCORE', base, '-inf', fmt('(%d', S), 'LIMIT', 0, 4)
      if #due > 0 then many = many - call('ZREM', base, unpack(due)) end
      if many >= room then
        for _, other in ipairs(call('ZRANGE', base, 0, 15)) do
          if call('EXISTS', base .. ':' .. other) == 0 then many = many - call('ZREM', base, other) end
        end
      end
    end
    if many >= room then
      key = OVERFLOW
      name = base .. ':' .. key
      text = call('GET', name)
    end
  end
  local spent, over = 0, 0
  indexed[i], existed[i] = 0, false
  if text then
    local was, told, per, first, second, third = string.match(text, '^(%a) (%d+) (%d+) (%d+) (%d+) ?(%d*)$')
    if was ~= kind or per ~= ARGV[at + 5] then return {} end
    indexed[i], existed[i] = tonumber(told), true
    if kind == 'r' then
      local elapsed = max(0, (S - tonumber(second)) * 1e9 + (U * 1000 - tonumber(third)))
      over = fmod(elapsed, span)
      spent = tonumber(first) - (elapsed - over) / span
      if spent <= 0 then spent, over = 0, 0 end
    else
      if #second > 15 then return {} end
      if S < tonumber(first) + span then spent = tonumber(second) end
    end
  end
  keys[i], names[i], used[i], rest[i] = key, name, spent, over
  exceeded[i] = units > max(0, size - spent)
  if exceeded[i] and ARGV[at + 7] ~= '1' then refused = true end
end

local answers = {}
for i = 1, count do
  local at = 2 + (i - 1) * FIELDS
  local kind, size, span, units = ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local taken = TAKE and not refused and not exceeded[i] and units > 0
  local spent, over = used[i], rest[i]
  if taken then spent = spent + units end
  -- Nanoseconds until it is whole, until more can be used, and until so much can be.
  local lasts, resets, retry, window, share
  if kind == 'r' then
    lasts = spent * span - over
    resets = spent == 0 and 0 or span - over
    retry = (spent + units - size) * span - over
    local seconds, nano = split(U * 1000 + lasts)
    window = S + seconds > 9e9 and '9000000000000000000' or fmt('%d%09d', S + seconds, nano)
    if taken then
      seconds, nano = split(U * 1000 - over)
      share = fmt('%d %d %d', spent, S + seconds, nano)
    end
  else
    local start = S - S % span
    lasts = (start + span - S) * 1e9 - U * 1000
    resets, retry = lasts, lasts
    window = fmt('%d', start)
    if taken then share = fmt('%d %d', start, spent) end
  end
  if taken then
    local base, key = KEYS[i], keys[i]
    local milliseconds = min(ceil(lasts / 1e6) + 1, 1e14)
    local ends = S + ceil(milliseconds / 1000) + 1
    local known = indexed[i]
    if key ~= OVERFLOW and (not existed[i] or ends > known) then
      known = ends + (ends - S) + 10
      call('ZADD', base, fmt('%d', known), key)
      local left = (known - S) * 1000
      if call('PTTL', base) < left then call('PEXPIRE', base, fmt('%d', left)) end
    end
    call('SET', names[i], fmt('%s %d %s %s', kind, known, ARGV[at + 5], share), 'PX', fmt('%d', milliseconds))
  end
  -- This alone may be more than a whole number of 64 bits.
  if not exceeded[i] then retry = '0' elseif units > size then retry = '-1' else retry = fmt('%.0f', max(0, retry)) end
  answers[i] = fmt('%d %d %d %s %d %s %d', exceeded[i] and 1 or 0, max(0, size - spent), resets, retry, taken and 1 or 0,
    window, keys[i] ~= ARGV[at + 1] and 1 or 0)
end
return answers
