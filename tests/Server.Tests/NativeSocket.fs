/// Calls of the kernel that the platform doesn't offer.
namespace FunctionalWs.Server.Tests

open System.Net.Sockets
open System.Runtime.InteropServices

module private Libc =
    [<DllImport("libc", SetLastError = true)>]
    extern int bind(SafeSocketHandle socket, byte[] address, int size)

type NativeSocket =
    /// Binds a socket to an address in bytes; 0 when that went well.
    static member bindTo(socket: Socket, address: byte[]) =
        Libc.bind (socket.SafeHandle, address, address.Length)
