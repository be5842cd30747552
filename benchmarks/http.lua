-- Request generator for wrk: bodies from a file, each with a new transaction id.
-- Arguments: file of bodies that contain @ID@, prefix of this run's ids, mean pause between two requests of a connection
-- in milliseconds (0: no pause).
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  bodies, count, id_prefix, pause = {}, 0, args[2], tonumber(args[3])
  for line in io.lines(args[1]) do
    local before, after = line:match("^(.*)@ID@(.*)$")
    bodies[#bodies + 1] = before and { before, after } or { line }
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  math.randomseed(number)
  if pause > 0 then
    delay = function() return math.random(0, 2 * pause) end
  end
end

function request()
  count = count + 1
  local body = bodies[(count * 7919 + number) % #bodies + 1]
  if body[2] then
    return wrk.format(nil, nil, nil, body[1] .. id_prefix .. number .. "-" .. count .. body[2])
  end
  return wrk.format(nil, nil, nil, body[1])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "\n@RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)
  ))
end
