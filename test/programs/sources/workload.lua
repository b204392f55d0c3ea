-- A mixed load for the Lua interpreter: calls, closures, tables, strings, coroutines, errors, garbage, metatables.
local scale = tonumber(arg[1]) or 10

local function fibonacci(n)
  if n < 2 then return n end
  return fibonacci(n - 1) + fibonacci(n - 2)
end

local function sieve(limit)
  local composite, count = {}, 0
  for n = 2, limit do
    if not composite[n] then
      count = count + 1
      for k = n * n, limit, n do composite[k] = true end
    end
  end
  return count
end

local function permutations(list)
  return coroutine.wrap(function()
    local function step(n)
      if n == 0 then
        coroutine.yield(list)
      else
        for i = 1, n do
          list[i], list[n] = list[n], list[i]
          step(n - 1)
          list[i], list[n] = list[n], list[i]
        end
      end
    end
    step(#list)
  end)
end

local function words(count)
  local seed, parts, counts = 42, {}, {}
  for i = 1, count do
    seed = (seed * 1103515245 + 12345) % 2147483648
    parts[i] = string.format("w%03d", seed // 65536 % 300)
  end
  for word in table.concat(parts, " "):gmatch("%a%d+") do counts[word] = (counts[word] or 0) + 1 end
  local names = {}
  for name in pairs(counts) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  return names[1] .. "=" .. counts[names[1]]
end

local vector = {}
vector.__index = vector
vector.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, vector) end
vector.__tostring = function(v) return string.format("(%.3f, %.3f)", v.x, v.y) end

local function spiral(count)
  local sum = setmetatable({ x = 0, y = 0 }, vector)
  for i = 1, count do sum = sum + setmetatable({ x = math.cos(i) / i, y = math.sin(i) / i }, vector) end
  return tostring(sum)
end

local function failures(count)
  local caught = 0
  for i = 1, count do
    local ok, problem = pcall(function()
      if i % 3 == 0 then error({ code = i }) end
      return i
    end)
    if not ok then caught = caught + problem.code end
  end
  return caught
end

for round = 1, scale do
  local yields = 0
  for list in permutations({ 1, 2, 3, 4, 5, 6, 7 }) do yields = yields + list[1] * list[7] end
  print(round, fibonacci(22), sieve(60000), yields * round, words(8000 + round), spiral(20000 + round), failures(6000 + 3 * round))
end
print("collected", collectgarbage("count") > 0)
