/// nginx, if the machine has it.
module FunctionalWs.Server.Tests.Proxies

open System
open System.IO
open System.Net
open System.Net.Sockets

let private freePort () =
    use socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

    socket.Bind(IPEndPoint(IPAddress.Loopback, 0))
    (socket.LocalEndPoint :?> IPEndPoint).Port

let private configuration (folder: string) (port: int) (upstream: string) =
    let temporary =
        [ "client_body"; "proxy"; "fastcgi"; "uwsgi"; "scgi" ]
        |> List.map (fun name -> $"{name}_temp_path {folder}/{name};")
        |> String.concat "\n"

    let user =
        if Environment.UserName = "root" then
            "user root root;"
        else
            ""

    $"daemon off; worker_processes 1; error_log stderr; pid {folder}/pid; {user}
events {{ }}
http {{
  access_log off;
  {temporary}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection \"upgrade\";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Forwarded \"for=$remote_addr\";
    }}
  }}
}}
"

/// nginx in front of a server, `unix:` and a path or a host with its port, on a port of its own; gone after the test.
type Nginx(upstream: string) =
    let folder = Directory.CreateTempSubdirectory("functionalws-nginx-").FullName
    let port = freePort ()

    let running =
        let file = Path.Combine(folder, "nginx.conf")
        File.WriteAllText(file, configuration folder port upstream)
        Programs.start (Programs.find "nginx").Value [ "-p"; folder; "-c"; file ]

    do
        Wait.until "nginx listens" (fun () ->
            if running.HasExited then
                failwith (running.StandardError.ReadToEnd())

            try
                use client = new TcpClient("127.0.0.1", port)
                client.Connected
            with :? SocketException ->
                false)

    member _.EndPoint = IPEndPoint(IPAddress.Loopback, port)

    interface IDisposable with
        member _.Dispose() =
            Programs.run "kill" [ "-TERM"; string running.Id ] |> ignore

            if not (running.WaitForExit Wait.limit) then
                running.Kill true

            Directory.Delete(folder, true)
