-- Takes from limits, looks at them, or gives back: all demands of a call at once.
--
-- KEYS[i] is the counter of demand i, and the index of its keys; the share of a key is KEYS[i]:<key>. KEYS[i]:once is a sorted
-- set of what was counted once: <key><once>, by the microsecond from which on it does not count any more, less half a
-- microsecond where somebody has passed by it since. They all lie in one slot.
-- ARGV is the mode (take, look, give), the key of the bucket of those beyond the bound, and for each demand:
-- key, bound, kind, size, span, units, reports, once, window.
--
-- A share is text: kind, until when the index has it, span, and
--   r  used, second and nanosecond since when the present unit comes back      span: nanoseconds in which a unit comes back
--   c  second in which the window began, used                                  span: seconds of a window
--   s  slice, used in it, and so on, oldest first                              span: seconds of a window
-- Numbers are doubles: each below is whole and less than 2^53, where exactness matters.

local clock = redis.call('TIME')
local S, U = tonumber(clock[1]), tonumber(clock[2])
local MODE, OVERFLOW = ARGV[1], ARGV[2]
local FIELDS, SLICES = 9, 60
local floor, ceil, fmod, max, min, fmt = math.floor, math.ceil, math.fmod, math.max, math.min, string.format

-- Whole seconds of nanoseconds, and the rest, which has nine digits at most whatever it is of: what fmod says is exact.
local function split(nano)
  local rest = fmod(floor(nano), 1e9)
  local seconds = floor((floor(nano) - rest) / 1e9 + 0.5)
  if rest < 0 then return seconds - 1, rest + 1e9 end
  return seconds, rest
end

-- Amounts have up to 42 digits: three limbs of 14, the lowest first.
local BASE = 1e14
local ZERO = {0, 0, 0}

local function amount(text)
  if #text <= 14 then return {tonumber(text), 0, 0} end
  if #text <= 28 then return {tonumber(text:sub(-14)), tonumber(text:sub(1, -15)), 0} end
  return {tonumber(text:sub(-14)), tonumber(text:sub(-28, -15)), tonumber(text:sub(1, -29))}
end

local function shown(x)
  if x[3] > 0 then return fmt('%.0f%014.0f%014.0f', x[3], x[2], x[1]) end
  if x[2] > 0 then return fmt('%.0f%014.0f', x[2], x[1]) end
  return fmt('%.0f', x[1])
end

local function less(x, y)
  if x[3] ~= y[3] then return x[3] < y[3] end
  if x[2] ~= y[2] then return x[2] < y[2] end
  return x[1] < y[1]
end

local function plus(x, y)
  local low, middle, high = x[1] + y[1], x[2] + y[2], x[3] + y[3]
  if low >= BASE then low, middle = low - BASE, middle + 1 end
  if middle >= BASE then middle, high = middle - BASE, high + 1 end
  return {low, middle, high}
end

-- Nothing where y is more than x.
local function minus(x, y)
  if less(x, y) then return ZERO end
  local low, middle, high = x[1] - y[1], x[2] - y[2], x[3] - y[3]
  if low < 0 then low, middle = low + BASE, middle - 1 end
  if middle < 0 then middle, high = middle + BASE, high - 1 end
  return {low, middle, high}
end

local function nothing(x) return not less(ZERO, x) end

-- Of rates, which are less than 2^53.
local function number(x) return x[2] * BASE + x[1] end

-- Each kind: a share of which nothing is used; one of which an amount is; what its text says by now; what is used; the share
-- after taking and giving back; nanoseconds until more can be used, until so much can be, until it is whole; its window; text.
local kinds = {}

-- A whole number of units is used, of which one comes back: `rest` nanoseconds of its span are over. This is the generic cell
-- rate algorithm, whose theoretical arrival time is now - rest + used * span, without a product that could be inexact.
kinds.r = {
  fresh = function(span) return {kind = 'r', span = span, used = 0, rest = 0} end,
  seed = function(span, x) return {kind = 'r', span = span, used = x[3] > 0 and 2 ^ 52 or min(number(x), 2 ^ 52), rest = 0} end,
  read = function(word, span)
    local used = tonumber(word())
    local second, nano = tonumber(word()), tonumber(word())
    -- A clock that went back lets the present unit begin anew.
    local elapsed = max(0, (S - second) * 1e9 + (U * 1000 - nano))
    local rest = fmod(elapsed, span)
    local back = (elapsed - rest) / span
    if back >= used then return {kind = 'r', span = span, used = 0, rest = 0} end
    return {kind = 'r', span = span, used = used - back, rest = rest}
  end,
  used = function(share) return amount(fmt('%.0f', share.used)) end,
  take = function(share, x) return {kind = 'r', span = share.span, used = share.used + number(x), rest = share.rest} end,
  -- No more than has not come back: what was used before came back before.
  give = function(share, x, window)
    local units, out = number(x), (tonumber(window:sub(1, -10)) - S) * 1e9 + tonumber(window:sub(-9)) - U * 1000
    local used, rest = share.used - units, share.rest
    if out < units * share.span then
      local left = max(0, share.used * share.span - share.rest - max(0, out))
      used = ceil(left / share.span)
      rest = used * share.span - left
    end
    if used <= 0 then used, rest = 0, 0 end
    return {kind = 'r', span = share.span, used = used, rest = rest}
  end,
  resets = function(share)
    if share.used == 0 then return 0 end
    return share.span - share.rest
  end,
  retry = function(share, size, x) return (share.used + number(x) - number(size)) * share.span - share.rest end,
  lasts = function(share) return share.used * share.span - share.rest end,
  -- The nanosecond in which it is whole again: nine digits are those of a second. It ends with 64 bits.
  window = function(share)
    local seconds, nano = split(U * 1000 + share.used * share.span - share.rest)
    if S + seconds > 9e9 then return '9000000000000000000' end
    return fmt('%.0f%09.0f', S + seconds, nano)
  end,
  text = function(share)
    local seconds, nano = split(U * 1000 - share.rest)
    return fmt('%.0f %.0f %.0f', share.used, S + seconds, nano)
  end,
}

kinds.c = {
  fresh = function(span) return {kind = 'c', span = span, start = S - S % span, used = ZERO} end,
  seed = function(span, x) return {kind = 'c', span = span, start = S - S % span, used = x} end,
  read = function(word, span)
    local start, used = tonumber(word()), amount(word())
    -- A window that has not begun, because the clock went back, is this one.
    if S >= start + span then used = ZERO end
    return {kind = 'c', span = span, start = S - S % span, used = used}
  end,
  used = function(share) return share.used end,
  take = function(share, x) return {kind = 'c', span = share.span, start = share.start, used = plus(share.used, x)} end,
  give = function(share, x, window)
    if tonumber(window) ~= share.start then return nil end
    return {kind = 'c', span = share.span, start = share.start, used = minus(share.used, x)}
  end,
  resets = function(share) return (share.start + share.span - S) * 1e9 - U * 1000 end,
  retry = function(share) return (share.start + share.span - S) * 1e9 - U * 1000 end,
  lasts = function(share) return (share.start + share.span - S) * 1e9 - U * 1000 end,
  window = function(share) return fmt('%.0f', share.start) end,
  text = function(share) return fmt('%.0f ', share.start) .. shown(share.used) end,
}

-- The present slice, how much of it is over and how long one is, both in sixtieths of a microsecond.
local function slice(span)
  local within = ((S % span) * 1e6 + U) * SLICES
  local long = span * 1e6
  local over = fmod(within, long)
  return (S - S % span) / span * SLICES + (within - over) / long, over, long
end

-- Nanoseconds until a slice counts no more: one period after its end.
local function leaves(span, at)
  local now, over, long = slice(span)
  return ceil(((at + SLICES + 1 - now) * long - over) / SLICES) * 1000
end

kinds.s = {
  fresh = function(span) return {kind = 's', span = span} end,
  seed = function(span, x)
    local now = slice(span)
    return {kind = 's', span = span, {now, x}}
  end,
  read = function(word, span)
    local now = slice(span)
    local share = {kind = 's', span = span}
    for at in word do
      at = tonumber(at)
      local used = amount(word())
      if at >= now - SLICES then
        -- A slice that has not begun, because the clock went back, is this one.
        local last = share[#share]
        at = min(at, now)
        if last and last[1] == at then last[2] = plus(last[2], used) else share[#share + 1] = {at, used} end
      end
    end
    return share
  end,
  used = function(share)
    local used = ZERO
    for i = 1, #share do used = plus(used, share[i][2]) end
    return used
  end,
  take = function(share, x)
    local now, count = slice(share.span), #share
    local after = {kind = 's', span = share.span}
    for i = 1, count do after[i] = share[i] end
    local last = share[count]
    if last and last[1] == now then after[count] = {now, plus(last[2], x)} else after[count + 1] = {now, x} end
    return after
  end,
  give = function(share, x, window)
    local after, found = {kind = 's', span = share.span}, false
    window = tonumber(window)
    for i = 1, #share do
      local at, used = share[i][1], share[i][2]
      if at == window then found, used = true, minus(used, x) end
      if not nothing(used) then after[#after + 1] = {at, used} end
    end
    return found and after or nil
  end,
  resets = function(share)
    if #share == 0 then return 0 end
    return leaves(share.span, share[1][1])
  end,
  retry = function(share, size, x)
    local used = kinds.s.used(share)
    for i = 1, #share do
      used = minus(used, share[i][2])
      if not less(minus(size, used), x) then return leaves(share.span, share[i][1]) end
    end
    return 0
  end,
  lasts = function(share) return leaves(share.span, share[#share][1]) end,
  window = function(share)
    local now = slice(share.span)
    return fmt('%.0f', now)
  end,
  text = function(share)
    local words = {}
    for i = 1, #share do words[i] = fmt('%.0f ', share[i][1]) .. shown(share[i][2]) end
    return table.concat(words, ' ')
  end,
}

-- The share that a text tells of by now, and until when the index has it.
local function read(text)
  local word = text:gmatch('%S+')
  local kind, indexed, span = word(), tonumber(word()), tonumber(word())
  return kinds[kind].read(word, span), indexed
end

-- The same share under another rule: what is used stays used. Of the unit of a rate that comes back, the same part is over.
local function under(share, kind, span)
  if share.kind == kind and share.span == span then return share end
  if share.kind == 'r' and kind == 'r' then
    local part = share.rest * span
    -- The product may be inexact, and what is said of it no whole number.
    local rest = floor((part - fmod(part, share.span)) / share.span)
    return {kind = 'r', span = span, used = share.used, rest = min(rest, span - 1)}
  end
  local used = kinds[share.kind].used(share)
  if nothing(used) then return kinds[kind].fresh(span) end
  return kinds[kind].seed(span, used)
end

-- Keeps a share as long as it is not whole, and its key in the index at least as long. The index is told of a time twice as
-- far, so that it need not be told each time.
local function write(base, key, share, indexed, existed)
  local name = base .. ':' .. key
  local kind = kinds[share.kind]
  if nothing(kind.used(share)) then
    if existed then
      redis.call('DEL', name)
      redis.call('ZREM', base, key)
    end
    return
  end
  local lasts = min(ceil(kind.lasts(share) / 1e6) + 1, 1e14)
  local ends = S + ceil(lasts / 1000) + 1
  if key ~= OVERFLOW and (not existed or ends > indexed) then
    indexed = ends + (ends - S) + 10
    redis.call('ZADD', base, fmt('%.0f', indexed), key)
    local left = (indexed - S) * 1000
    if redis.call('PTTL', base) < left then redis.call('PEXPIRE', base, fmt('%.0f', left)) end
  end
  local text = share.kind .. fmt(' %.0f %.0f ', indexed, share.span) .. kind.text(share)
  redis.call('SET', name, text, 'PX', fmt('%.0f', lasts))
end

-- What was counted once: until when, and whether somebody has passed by it. Half microseconds are exact below 2^52, and in 2096.
local NOW, LATEST = S * 1e6 + U, 4e15

local function once_set(d) return d.base .. ':once' end

-- Nothing where it was not counted, or does not count any more.
local function known_once(d)
  local score = tonumber(redis.call('ZSCORE', once_set(d), d.key .. d.once) or 0)
  if score <= NOW then return nil end
  return ceil(score), score < ceil(score)
end

local function know_once(d, ends, passed)
  redis.call('ZADD', once_set(d), fmt('%.1f', passed and ends - 0.5 or ends), d.key .. d.once)
end

local function demand(i)
  local at = 2 + (i - 1) * FIELDS
  return {
    base = KEYS[i], key = ARGV[at + 1], bound = tonumber(ARGV[at + 2]), kind = ARGV[at + 3], size = amount(ARGV[at + 4]),
    span = tonumber(ARGV[at + 5]), units = amount(ARGV[at + 6]), reports = ARGV[at + 7] == '1', once = ARGV[at + 8],
    window = ARGV[at + 9],
  }
end

if MODE == 'give' then
  for i = 1, #KEYS do
    local d = demand(i)
    local name = d.base .. ':' .. d.key
    local text = redis.call('GET', name)
    local ends, passed
    if d.once ~= '' then ends, passed = known_once(d) end
    -- Of what somebody else passed by, this is the only unit that is counted.
    if text and not passed then
      local share, indexed = read(text)
      -- Under the rule it is counted by: that of the demand may be an older one.
      local after = share.kind == d.kind and kinds[d.kind].give(share, d.units, d.window)
      if after then
        write(d.base, d.key, after, indexed, true)
        if ends then redis.call('ZREM', once_set(d), d.key .. d.once) end
      end
    end
  end
  return {}
end

-- Whether a counter has no room for a further key. Keys that ended make room, a few for each that comes.
local function full(base, room)
  local count = redis.call('ZCARD', base)
  if MODE == 'take' and count > 0 then
    local due = redis.call('ZRANGEBYSCORE', base, '-inf', fmt('(%.0f', S), 'LIMIT', 0, 4)
    if #due > 0 then count = count - redis.call('ZREM', base, unpack(due)) end
    if count >= room then
      for _, key in ipairs(redis.call('ZRANGE', base, 0, 15)) do
        if redis.call('EXISTS', base .. ':' .. key) == 0 then count = count - redis.call('ZREM', base, key) end
      end
    end
  end
  return count >= room
end

local entries, created = {}, {}

-- What a call knows of a key: `before` it, and with what was taken so far.
local function entry(base, key, bound)
  local name = base .. ':' .. key
  if entries[name] then return entries[name] end
  local text = redis.call('GET', name)
  if not text and key ~= OVERFLOW then
    local others = created[base] or 0
    if full(base, bound - others) then
      entries[name] = entry(base, OVERFLOW, bound)
      return entries[name]
    end
    created[base] = others + 1
  end
  local e = {base = base, key = key, name = name, existed = text and true or false, indexed = 0, taken = false, once = {}}
  if text then
    e.before, e.indexed = read(text)
    e.share = e.before
  end
  entries[name] = e
  return e
end

local function of(share, d)
  if share then return under(share, d.kind, d.span) end
  return kinds[d.kind].fresh(d.span)
end

-- Who shares the bucket of those beyond the bound is counted each time.
local function is_once(e, d) return d.once ~= '' and d.kind ~= 'r' and e.key ~= OVERFLOW end

local pending = {}

-- Whether a counter has room for one more that is counted once. What does not count any more makes room, a few for each that comes.
local function has_room(d)
  local due = redis.call('ZRANGEBYSCORE', once_set(d), '-inf', fmt('%.0f', NOW), 'LIMIT', 0, 4)
  if #due > 0 then redis.call('ZREM', once_set(d), unpack(due)) end
  local others = pending[d.base] or 0
  if redis.call('ZCARD', once_set(d)) + others >= d.bound then return false end
  pending[d.base] = others + 1
  return true
end

-- What was taken now counts as long as the share lasts at least.
local function count_once(e, d)
  local lasts = kinds[d.kind].lasts(of(e.share, d))
  know_once(d, min(NOW + floor(lasts / 1000 + 0.5), LATEST), false)
  local left = min(ceil(lasts / 1e6) + 1, 1e14)
  if redis.call('PTTL', once_set(d)) < left then redis.call('PEXPIRE', once_set(d), fmt('%.0f', left)) end
end

local demands, refused = {}, false
for i = 1, #KEYS do
  local d = demand(i)
  local e = entry(d.base, d.key, d.bound)
  local share = of(e.share, d)
  demands[i], d.entry = d, e
  local once = is_once(e, d)
  if once and (e.once[d.once] or known_once(d)) then
    d.passed = true
  else
    local left = minus(d.size, kinds[d.kind].used(share))
    if less(left, d.units) then
      d.exceeded = true
      refused = refused or not d.reports
    elseif MODE == 'take' and not nothing(d.units) then
      d.taken, e.taken = true, true
      share = kinds[d.kind].take(share, d.units)
      e.share = share
      if once and has_room(d) then d.remembered, e.once[d.once] = true, true end
    end
  end
  d.share = share
end

if MODE == 'take' then
  for i = 1, #demands do
    local d = demands[i]
    local e = d.entry
    if d.remembered and not refused then count_once(e, d) end
    local ends = d.passed and not refused and known_once(d)
    if ends then know_once(d, ends, true) end
    -- What goes over to another rule does so even where nothing is taken: from now on it comes back by that.
    if e.before and under(e.before, d.kind, d.span) ~= e.before then
      e.carried = true
      e.before = under(e.before, d.kind, d.span)
      e.share = under(e.share, d.kind, d.span)
    end
  end
  for name, e in pairs(entries) do
    -- A key that shares the bucket of those beyond the bound stands for it.
    if e.name == name and (e.carried or e.taken and not refused) then
      write(e.base, e.key, refused and e.before or e.share, e.indexed, e.existed)
    end
  end
end

local answers = {}
for i = 1, #demands do
  local d, e = demands[i], demands[i].entry
  local share = d.share
  if refused then share = of(e.before, d) end
  local kind = kinds[d.kind]
  local retry = 0
  if d.exceeded then
    if less(d.size, d.units) then retry = -1 else retry = max(0, kind.retry(share, d.size, d.units)) end
  end
  answers[i] = table.concat({
    d.exceeded and 1 or 0,
    shown(minus(d.size, kind.used(share))),
    fmt('%.0f %.0f', kind.resets(share), retry),
    d.taken and not refused and 1 or 0,
    kind.window(share),
    e.key ~= d.key and 1 or 0,
  }, ' ')
end
return answers
