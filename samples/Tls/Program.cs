// A server behind TLS: with a certificate of your own, or one that is made for localhost at each start.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using FunctionalWs;
using FunctionalWs.Protocol;

const string Page = """
    <!doctype html><html lang="en"><meta charset="utf-8"><title>TLS</title>
    <script>
    const socket = new WebSocket(location.href.replace("https", "wss"));
    socket.onmessage = event => document.body.append(event.data);
    </script><body>
    """;

var isUsable = args.Length is 0 or 1 or 3;
if (
    !isUsable
    || !int.TryParse(args.Length > 0 ? args[0] : "8765", out var port)
    || port is < 0 or > 65535
)
{
    Console.Error.WriteLine("usage: Tls [PORT [CERTIFICATE.pem KEY.pem]]");
    Console.Error.WriteLine("PORT is from 0 to 65535, 0 for any free one, 8765 by default.");
    return 2;
}

try
{
    var certificate = args.Length == 3 ? Load(args[1], args[2]) : MakeForLocalhost();
    var options = new ServerOptions
    {
        Ssl = new SslServerAuthenticationOptions { ServerCertificateContext = certificate },
        ProcessRequest = (_, request) =>
            request.Headers.Contains("Upgrade")
                ? null
                : Response.Bytes(200, Encoding.UTF8.GetBytes(Page), "text/html; charset=utf-8"),
    };
    using var server = Server.Serve(Echo, "localhost", port, options);
    Console.WriteLine($"listening on https://{server.LocalEndPoint}/");
    Tell(certificate.TargetCertificate, isOwn: args.Length == 3);
    return server.Run();
}
catch (Exception error)
    when (error is SocketException or IOException or CryptographicException or ArgumentException)
{
    Console.Error.WriteLine($"can't serve on port {port}: {error.Message}");
    return 1;
}

static void Echo(ServerConnection connection)
{
    connection.Send($"Hello over {connection.Tls!.Protocol}!");
    foreach (var message in connection)
        connection.Send(message);
}

// The file begins with the server's certificate; those of intermediate authorities may follow.
static SslStreamCertificateContext Load(string file, string keyFile)
{
    var chain = new X509Certificate2Collection();
    chain.ImportFromPemFile(file);
    var certificate = X509Certificate2.CreateFromPemFile(file, keyFile);
    return SslStreamCertificateContext.Create(certificate, chain, offline: true);
}

// Nobody but this process ever has its key; whoever connects has to be told to trust it, or not to check.
static SslStreamCertificateContext MakeForLocalhost()
{
    using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
    var names = new SubjectAlternativeNameBuilder();
    names.AddDnsName("localhost");
    names.AddIpAddress(IPAddress.Loopback);
    names.AddIpAddress(IPAddress.IPv6Loopback);
    request.CertificateExtensions.Add(names.Build());
    request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
    var now = DateTimeOffset.UtcNow;
    using var made = request.CreateSelfSigned(now.AddMinutes(-5), now.AddDays(7));
    // Windows takes no key that was never stored, so it goes through a store in memory.
    var pkcs12 = made.Export(X509ContentType.Pkcs12);
    return SslStreamCertificateContext.Create(
        X509CertificateLoader.LoadPkcs12(pkcs12, null),
        additionalCertificates: null,
        offline: true
    );
}

static void Tell(X509Certificate2 certificate, bool isOwn)
{
    Console.WriteLine($"certificate: {certificate.Subject}, valid until {certificate.NotAfter:u}");
    Console.WriteLine($"SHA-256: {certificate.GetCertHashString(HashAlgorithmName.SHA256)}");
    if (isOwn)
        return;
    Console.WriteLine(
        "Browsers warn of it, since nobody vouches for it: compare the SHA-256 and go on."
    );
    Console.WriteLine("curl needs --insecure; programs check the SHA-256 instead of the issuer.");
}
