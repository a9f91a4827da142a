-- wrk: each request is one signed webhook, kept in the books before it is answered. The lines of
-- the file PURSER_MESSAGES are a signature, a tab and a body; each is sent once, then over again.
local messages = {}
local counter = 0

function init(args)
   for line in io.lines(os.getenv("PURSER_MESSAGES")) do
      local tab = line:find("\t")
      messages[#messages + 1] = { line:sub(1, tab - 1), line:sub(tab + 1) }
   end
   wrk.method = "POST"
   wrk.path = os.getenv("PURSER_PATH")
   wrk.headers["Content-Type"] = "application/json"
end

function request()
   counter = counter % #messages + 1
   wrk.headers["x-webhook-signature-512"] = messages[counter][1]
   return wrk.format(nil, nil, nil, messages[counter][2])
end

-- Only 200 counts: it is durable. wrk counts 4xx and 5xx as errors by itself.
function done(summary, latency, requests)
   io.write(string.format(
      '{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"errors":%d}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
      latency:percentile(99) / 1000, latency.max / 1000,
      summary.errors.connect + summary.errors.read + summary.errors.write +
      summary.errors.status + summary.errors.timeout))
end
