using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>Connects one socket without waiting; once it is connected, calls on it wait as on any other.</summary>
internal static class SocketStart
{
    /// <summary>Begins; what has come of it, <see cref="SocketError.WouldBlock"/> for nothing yet.</summary>
    public static SocketError Begin(Socket socket, EndPoint endPoint)
    {
        try
        {
            SocketTransport.DisableDelay(socket);
            socket.Blocking = false;
            socket.Connect(endPoint);
            return SocketError.Success;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode is SocketError.InProgress
                ? SocketError.WouldBlock
                : error.SocketErrorCode;
        }
    }

    /// <summary>What has come of it, once the socket says that something has.</summary>
    public static SocketError Result(Socket socket)
    {
        var error = socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error);
        return error is int code and not 0 ? (SocketError)code
            : socket.Connected ? SocketError.Success
            : SocketError.NotConnected;
    }

    /// <summary>The transport over a socket that is connected.</summary>
    public static SocketTransport Finish(Socket socket)
    {
        socket.Blocking = true;
        if (OperatingSystem.IsLinux())
            LinuxSocket.MakeBlocking(socket);
        return new SocketTransport(socket);
    }

    /// <summary>The platform's words for an error.</summary>
    public static string Describe(SocketError error) => new SocketException((int)error).Message;
}
