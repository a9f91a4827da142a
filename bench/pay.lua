-- wrk: each request is one payment, created and captured before it is answered.
-- The key is in PURSER_KEY. Prints one line of JSON at the end.
local key = os.getenv("PURSER_KEY")
local counter = 0
local thread_number = 0

function setup(thread)
   thread:set("thread_number", thread_number)
   thread_number = thread_number + 1
end

function init(args)
   run = os.time() .. "-" .. math.random(1, 1000000000)
   wrk.method = "POST"
   wrk.path = "/v1/payments"
   wrk.headers["Authorization"] = "Bearer " .. key
   wrk.headers["Content-Type"] = "application/json"
   wrk.headers["Prefer"] = "wait=30"
   wrk.body = '{"amount":1250,"currency":"EUR","reference":"order","description":"Two tickets",' ..
      '"payment_method":{"type":"card","card":{"number":"4242424242424242","exp_month":12,' ..
      '"exp_year":2034,"cvc":"123"}}}'
   others = 0
end

function request()
   counter = counter + 1
   wrk.headers["Idempotency-Key"] = run .. "-" .. thread_number .. "-" .. counter
   return wrk.format()
end

-- Only 201 counts: the payment is captured and durable.
function response(status, headers, body)
   if status ~= 201 then
      others = others + 1
   end
end

function done(summary, latency, requests)
   io.write(string.format(
      '{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"errors":%d}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000,
      latency:percentile(99) / 1000, latency.max / 1000,
      summary.errors.connect + summary.errors.read + summary.errors.write +
      summary.errors.status + summary.errors.timeout))
end
