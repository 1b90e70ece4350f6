package main

// peers are all that stand side by side; the first is ours.
func peers() []*peer {
	return []*peer{
		{
			name: "latchkey", what: "Latchkey, all checks", command: latchkeyCommand, refuses: []int{401, 401, 409},
			env: func(place) []string {
				return []string{"LATCHKEY_IDENTITY_SECRET=a secret that only this benchmark knows"}
			},
		},
		{name: "fasthttp", what: "bare fasthttp proxy", command: func(p place) []string { return p.role("fasthttp") }},
		{name: "nginx", what: "nginx proxy", needs: "nginx-light", command: nginxCommand, config: nginxHead + nginxBare + "}}"},
		{
			name: "nginx-auth", what: "nginx auth_request + verifier", needs: "nginx-light", command: nginxCommand, config: nginxHead + nginxAuth + "}}",
			beside:  &peer{name: "verifier", command: func(p place) []string { return p.role("verifier") }},
			refuses: []int{401, 0, 403}, bodyless: true,
		},
		{name: "haproxy", what: "HAProxy proxy", needs: "haproxy", command: haproxyCommand, config: haproxyHead + haproxyTail},
		{name: "haproxy-hmac", what: "HAProxy hmac()", needs: "haproxy", command: haproxyCommand, config: haproxyHead + haproxyHMAC + haproxyTail, refuses: []int{401, 401, 0}},
		{name: "haproxy-rate", what: "HAProxy hmac() and a rate limit", needs: "haproxy", command: haproxyCommand, config: haproxyHead + haproxyHMAC + haproxyRate + haproxyTail, refuses: []int{401, 401, 0}},
		{name: "httputil", what: "httputil.ReverseProxy, tuned", command: func(p place) []string { return p.role("httputil") }},
	}
}

// latchkeyCommand is the program as it ships. Its points are so many that no
// key runs out of them; they are counted all the same. Like its peers it writes
// no line for each request.
func latchkeyCommand(p place) []string {
	return []string{
		p.Latchkey, "serve", "--data", p.Data(), "--log-level", "warn", "--console-listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0",
		"--gateway-listen", local(p.Port), "--gateway-max-conns", "16000", "--gateway-max-conns-each", "16000",
		"--upstream-url", "http://" + local(p.Upstream), "--limit-points", "1000000000",
		"--smtp-server", "127.0.0.1:9", "--smtp-tls", "none", "--smtp-from", "bench@bench.example",
	}
}

func nginxCommand(p place) []string {
	return []string{"nginx", "-p", p.Dir, "-c", p.Config(), "-e", p.Dir + "/error.log"}
}

func haproxyCommand(p place) []string {
	return []string{"haproxy", "-db", "-f", p.Config()}
}

// One process, no access log, connections kept on both sides.
const nginxHead = `daemon off; master_process off; pid {{.Dir}}/pid; worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
	access_log off; keepalive_requests 1000000000; server_tokens off;
	client_body_temp_path {{.Dir}}/a; proxy_temp_path {{.Dir}}/b; fastcgi_temp_path {{.Dir}}/c; uwsgi_temp_path {{.Dir}}/d; scgi_temp_path {{.Dir}}/e;
	upstream exchange { server 127.0.0.1:{{.Upstream}} max_fails=0; keepalive 1024; keepalive_requests 1000000000; }
	upstream verifier { server 127.0.0.1:{{if .Beside}}{{.Beside}}{{else}}9{{end}} max_fails=0; keepalive 1024; keepalive_requests 1000000000; }
	server {
		listen 127.0.0.1:{{.Port}} backlog=16384;
`

const nginxBare = `
		location / { proxy_pass http://exchange; proxy_http_version 1.1; proxy_set_header Connection ""; }
`

const nginxAuth = `
		location / { auth_request /verify; proxy_pass http://exchange; proxy_http_version 1.1; proxy_set_header Connection ""; }
		location = /verify {
			internal; proxy_pass http://verifier; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_method GET;
			proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header X-Real-IP $remote_addr;
		}
`

const haproxyHead = `global
	nbthread 1
	maxconn 9500
defaults
	mode http
	timeout client 60s
	timeout server 60s
	timeout connect 5s
	http-reuse always
frontend in
	bind 127.0.0.1:{{.Port}} backlog 16384
	default_backend exchange
`

// haproxyHMAC signs the same text with the key's secret from a map and compares
// in constant time; and the timestamp must be of now. That is all it can check.
const haproxyHMAC = `	option http-buffer-request
	http-request set-var(txn.secret) req.hdr(x-aggr-key),map_str({{.Map}})
	http-request set-var(txn.stamp) req.hdr(x-aggr-timestamp)
	http-request set-var(txn.body) req.body
	http-request set-var(txn.mac) path,field(-1,/),concat(,txn.stamp,),concat(,txn.body,),hmac(sha256,txn.secret),base64
	http-request set-var(txn.age) date,sub(txn.stamp),add(20)
	acl known var(txn.secret) -m found
	acl genuine req.hdr(x-aggr-signature),secure_memcmp(txn.mac)
	acl fresh var(txn.age) -m int 0:40
	http-request deny deny_status 401 unless known genuine fresh
`

const haproxyRate = `	stick-table type string len 32 size 200k expire 60s store http_req_rate(60s)
	http-request track-sc0 req.hdr(x-aggr-key)
	http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }
`

const haproxyTail = `backend exchange
	server one 127.0.0.1:{{.Upstream}}
`
