using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// TLS over another transport, with blocking calls only: no continuation needs a thread of the pool. One thread reads and
/// one writes at a time, as with every transport.
/// </summary>
internal sealed class TlsTransport : Transport
{
    // What is encrypted in passing: less than a socket takes when it takes anything.
    private const int MaxPieceInPassing = 4 * 1024;

    private readonly Transport lower;
    private readonly CipherStream cipher;
    private readonly SslStream ssl;
    private readonly Lock writeGate = new(); // against Dispose alone: writers take turns already
    private int encrypted; // bytes that TryWrite encrypted but has not reported: the next write begins with them
    private volatile bool mayHoldPlaintext;
    private bool isReadingOver;
    private bool isWritingOver = true; // until the handshake is done

    public TlsTransport(Transport lower)
    {
        this.lower = lower;
        cipher = new CipherStream(lower);
        ssl = new SslStream(cipher, leaveInnerStreamOpen: false);
    }

    /// <summary>What was agreed; null until the handshake is done.</summary>
    public TlsSession? Session { get; private set; }

    public override EndPoint? LocalEndPoint => lower.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => lower.RemoteEndPoint;

    /// <summary>A socket says nothing while decrypted bytes wait.</summary>
    public override Socket? PollSocket => mayHoldPlaintext ? null : lower.PollSocket;

    public override Transport Bottom => lower.Bottom;

    public override int Arrived => lower.Arrived;

    /// <summary>The TLS handshake; <see cref="Abort"/> ends it. What it throws is SslStream's.</summary>
    public void Authenticate(SslServerAuthenticationOptions options)
    {
        ssl.AuthenticateAsServer(options);
        Begin();
    }

    /// <summary>The TLS handshake as a client; <see cref="Abort"/> ends it. What else it throws is SslStream's.</summary>
    /// <exception cref="NothingToReadException">The deadline has passed.</exception>
    public void Authenticate(SslClientAuthenticationOptions options, Deadline deadline)
    {
        cipher.ReadUntil(deadline);
        ssl.AuthenticateAsClient(options);
        Begin();
    }

    /// <summary>From now on the peer that begins another handshake ends the stream; TLS 1.3 has none.</summary>
    public void RefuseHandshakes() => cipher.RefuseHandshakes();

    private void Begin()
    {
        Session = new TlsSession(ssl);
        isWritingOver = false;
        mayHoldPlaintext = true; // it may have come with the end of the handshake
    }

    public override bool IsReadable =>
        isReadingOver
        || (mayHoldPlaintext || lower.IsReadable)
            && TryDecrypt(Deadline.After(TimeProvider.System, TimeSpan.Zero));

    public override long Looks => cipher.Looks;

    public override bool WaitReadable(Deadline deadline)
    {
        if (deadline.IsNever || isReadingOver)
            return true; // Read does the waiting
        if (!mayHoldPlaintext && !lower.WaitReadable(deadline))
            return false;
        return TryDecrypt(deadline);
    }

    public override int Read(Span<byte> destination)
    {
        if (isReadingOver)
            return 0;
        cipher.ReadPatiently();
        try
        {
            var size = ssl.Read(destination);
            // It fills the destination as long as whole records are there.
            mayHoldPlaintext = size == destination.Length;
            isReadingOver = size == 0;
            return size;
        }
        catch (Exception error) when (IsBroken(error))
        {
            return EndReading(error);
        }
    }

    /// <summary>An empty read decrypts the next record with content and leaves that where it is.</summary>
    private bool TryDecrypt(Deadline deadline)
    {
        cipher.ReadUntil(deadline);
        try
        {
            if (!mayHoldPlaintext && !cipher.TryFillRecord())
                return false;
            _ = ssl.Read(default(Span<byte>));
            mayHoldPlaintext = true;
            return true;
        }
        catch (NothingToReadException)
        {
            mayHoldPlaintext = false;
            return false;
        }
        catch (Exception error) when (IsBroken(error))
        {
            EndReading(error);
            return true; // Read reports the end
        }
    }

    private int EndReading(Exception error)
    {
        Failure ??= lower.Failure ?? error;
        isReadingOver = true;
        return 0;
    }

    public override void Write(ReadOnlySpan<byte> source)
    {
        using (writeGate.Hold())
        {
            RequireWritable();
            try
            {
                cipher.Drain();
                cipher.HoldsOutput = false;
                ssl.Write(TakeRest(source));
            }
            catch (Exception error) when (IsBroken(error))
            {
                throw Broken(error);
            }
        }
    }

    /// <summary>
    /// Counts a piece as written only once all of its record is: so whoever has written everything knows that nothing is
    /// left behind here.
    /// </summary>
    public override int TryWrite(ReadOnlySpan<byte> source)
    {
        using (writeGate.Hold())
        {
            RequireWritable();
            try
            {
                var written = 0;
                while (
                    written < source.Length && TryWritePiece(source[written..]) is var size and > 0
                )
                    written += size;
                return written;
            }
            catch (Exception error) when (IsBroken(error))
            {
                throw Broken(error);
            }
        }
    }

    private int TryWritePiece(ReadOnlySpan<byte> source)
    {
        if (encrypted == 0)
        {
            encrypted = Math.Min(source.Length, MaxPieceInPassing);
            cipher.HoldsOutput = true;
            ssl.Write(source[..encrypted]);
        }
        if (!cipher.TryDrain())
            return 0;
        var size = encrypted;
        encrypted = 0;
        return size;
    }

    private ReadOnlySpan<byte> TakeRest(ReadOnlySpan<byte> source)
    {
        var rest = source[encrypted..];
        encrypted = 0;
        return rest;
    }

    public override void ShutdownSend()
    {
        if (!TryShutdownSend())
            lower.ShutdownSend();
    }

    /// <summary>Says goodbye in TLS (close_notify, RFC 8446 §6.1), then ends the stream below.</summary>
    public override bool TryShutdownSend()
    {
        using (writeGate.Hold())
        {
            if (!TrySayGoodbye())
                return false;
        }
        lower.ShutdownSend();
        return true;
    }

    /// <summary>False while it is under way; a stream that is broken takes none.</summary>
    private bool TrySayGoodbye()
    {
        try
        {
            cipher.HoldsOutput = true;
            if (!isWritingOver)
                ssl.ShutdownAsync().GetAwaiter().GetResult(); // completes at once: its stream only keeps what it gets
            isWritingOver = true;
            return cipher.TryDrain();
        }
        catch (Exception error) when (IsBroken(error))
        {
            isWritingOver = true;
            Failure ??= lower.Failure;
            return true;
        }
    }

    public override void Abort() => lower.Abort();

    public override void Dispose()
    {
        lower.Abort(); // frees a stuck writer
        using (writeGate.Hold())
        {
            isWritingOver = true;
            ssl.Dispose();
        }
        lower.Dispose();
    }

    private void RequireWritable()
    {
        if (isWritingOver)
            throw new IOException("The connection is broken.", Failure);
    }

    private IOException Broken(Exception error)
    {
        Failure ??= lower.Failure ?? error;
        return error as IOException ?? new IOException("The connection is broken.", error);
    }

    /// <summary>
    /// True for whatever an SslStream makes of a peer's bytes, of which its exceptions' types say little. What harms the
    /// calling thread alone is thrown on.
    /// </summary>
    private static bool IsBroken(Exception error) =>
        error is not (ThreadInterruptedException or OutOfMemoryException);
}
