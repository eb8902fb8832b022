using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A way through a proxy of SOCKS 5 (RFC 1928), with a name and a password if it asks for them (RFC 1929). Names of hosts are the
/// proxy's to resolve.
/// </summary>
internal static class Socks5
{
    private const byte Version = 5;
    private const byte LoginVersion = 1;
    private const byte NoLogin = 0;
    private const byte Login = 2;
    private const byte NoMethod = 0xFF;
    private const byte Connect = 1;
    private const byte Success = 0;
    private const byte IPv4 = 1;
    private const byte Name = 3;
    private const byte IPv6 = 4;

    /// <summary>Asks a proxy for a way to a server; what follows its answer on the stream is the server's.</summary>
    /// <exception cref="AuthenticationException">The proxy wants a login, or another one.</exception>
    /// <exception cref="SocketException">The proxy can't reach the server, or doesn't want to.</exception>
    /// <exception cref="IOException">The stream broke, or what answers is no proxy of SOCKS 5.</exception>
    public static void Open(
        Transport transport,
        ProxyServer proxy,
        WebSocketUri uri,
        TimeLimit limit
    )
    {
        if (uri.Host.Length > byte.MaxValue)
            throw new SocketException(
                (int)SocketError.HostNotFound,
                Invariant($"The host's name has {uri.Host.Length} bytes; SOCKS takes 255.")
            );
        var input = new ProxyInput(transport, proxy, limit);
        if (Agree(transport, proxy, input) == Login)
            LogIn(transport, proxy, input);
        transport.Write(RequestFor(uri));
        ReadReply(proxy, uri, input);
    }

    /// <summary>Offers ways to log in; the one that the proxy takes (RFC 1928 §3).</summary>
    private static byte Agree(Transport transport, ProxyServer proxy, ProxyInput input)
    {
        transport.Write(
            proxy.Credentials is null ? [Version, 1, NoLogin] : [Version, 2, NoLogin, Login]
        );
        Span<byte> answer = stackalloc byte[2];
        input.Fill(answer);
        RequireVersion(answer[0], Version, input);
        return answer[1] switch
        {
            NoLogin => NoLogin,
            Login when proxy.Credentials is not null => Login,
            NoMethod when proxy.Credentials is null => throw new AuthenticationException(
                Invariant($"The proxy {proxy} wants a login, and none is given.")
            ),
            NoMethod => throw new AuthenticationException(
                Invariant($"The proxy {proxy} takes no login with a name and a password.")
            ),
            var method => throw input.Broken(
                Invariant($"chose a way to log in that it was not offered: {method}.")
            ),
        };
    }

    /// <summary>RFC 1929 §2.</summary>
    private static void LogIn(Transport transport, ProxyServer proxy, ProxyInput input)
    {
        var request = new ArrayBufferWriter<byte>();
        WriteBytes(request, [LoginVersion]);
        WriteText(request, proxy.Credentials!.Username);
        WriteText(request, proxy.Credentials.Password);
        transport.Write(request.WrittenSpan);
        Span<byte> answer = stackalloc byte[2];
        input.Fill(answer);
        RequireVersion(answer[0], LoginVersion, input);
        if (answer[1] != Success)
            throw new AuthenticationException(
                Invariant($"The proxy {proxy} doesn't take the login.")
            );
    }

    /// <summary>RFC 1928 §4.</summary>
    private static ReadOnlySpan<byte> RequestFor(WebSocketUri uri)
    {
        var request = new ArrayBufferWriter<byte>();
        if (HostAddresses.Literal(uri.Host) is { } address)
        {
            var isOld = address.AddressFamily is AddressFamily.InterNetwork;
            WriteBytes(request, [Version, Connect, 0, isOld ? IPv4 : IPv6]);
            WriteBytes(request, address.GetAddressBytes());
        }
        else
        {
            WriteBytes(request, [Version, Connect, 0, Name]);
            WriteText(request, uri.Host);
        }
        BinaryPrimitives.WriteUInt16BigEndian(request.GetSpan(sizeof(ushort)), (ushort)uri.Port);
        request.Advance(sizeof(ushort));
        return request.WrittenSpan;
    }

    private static void WriteBytes(ArrayBufferWriter<byte> writer, ReadOnlySpan<byte> bytes) =>
        writer.Write(bytes);

    /// <summary>A length of one byte and the text, which was found to fit.</summary>
    private static void WriteText(ArrayBufferWriter<byte> writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        WriteBytes(writer, [checked((byte)bytes.Length)]);
        WriteBytes(writer, bytes);
    }

    /// <summary>RFC 1928 §6. Where the proxy has connected from is nothing to a client.</summary>
    private static void ReadReply(ProxyServer proxy, WebSocketUri uri, ProxyInput input)
    {
        Span<byte> buffer = stackalloc byte[byte.MaxValue + sizeof(ushort)];
        input.Fill(buffer[..2]);
        RequireVersion(buffer[0], Version, input);
        // A proxy that refuses need not say more.
        if (buffer[1] != Success)
            throw Refused(proxy, uri, buffer[1]);
        input.Fill(buffer[..2]);
        var size = buffer[1] switch
        {
            IPv4 => 4,
            IPv6 => 16,
            Name => ReadLength(input),
            var kind => throw input.Broken(
                Invariant($"answers with an address of a kind that SOCKS doesn't know: {kind}.")
            ),
        };
        input.Fill(buffer[..(size + sizeof(ushort))]);
    }

    private static int ReadLength(ProxyInput input)
    {
        Span<byte> length = stackalloc byte[1];
        input.Fill(length);
        return length[0];
    }

    private static void RequireVersion(byte version, byte expected, ProxyInput input)
    {
        if (version != expected)
            throw input.Broken(
                Invariant($"doesn't speak SOCKS 5: it answers with version {version}.")
            );
    }

    private static SocketException Refused(ProxyServer proxy, WebSocketUri uri, byte reply)
    {
        var (error, reason) = Meaning(reply);
        return new SocketException(
            (int)error,
            Invariant(
                $"The proxy {proxy} has not connected to {uri.Authority}: {reason} ({reply})."
            )
        );
    }

    private static (SocketError Error, string Reason) Meaning(byte reply) =>
        reply switch
        {
            1 => (SocketError.SocketError, "it failed"),
            2 => (SocketError.AccessDenied, "its rules don't allow it"),
            3 => (SocketError.NetworkUnreachable, "the network can't be reached"),
            4 => (SocketError.HostUnreachable, "the host can't be reached"),
            5 => (SocketError.ConnectionRefused, "the host refused the connection"),
            6 => (SocketError.TimedOut, "the way there is too long (TTL expired)"),
            7 => (SocketError.OperationNotSupported, "it doesn't connect for anybody"),
            8 => (SocketError.AddressFamilyNotSupported, "it knows no such addresses"),
            _ => (SocketError.SocketError, "for a reason that SOCKS doesn't know"),
        };
}
