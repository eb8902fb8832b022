using System.Runtime.InteropServices;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>What a client wants of <c>permessage-deflate</c> (RFC 7692).</summary>
/// <param name="Offer">What it offers.</param>
/// <param name="MinSize">The size below which it doesn't compress a message that is not in fragments.</param>
internal sealed record ClientDeflate(DeflateOffer Offer, int MinSize);

/// <summary>
/// The client's side of <c>permessage-deflate</c>: the server's codec with both sides' terms exchanged. Its memory is given back when
/// it is collected, since the client's end may come from another thread.
/// </summary>
internal sealed class ClientCompression
{
    private const byte Rsv1 = 0x40; // in a frame's first byte (RFC 6455 §5.2)

    private readonly ExtensionChain chain;
    private ReservedBits bits; // of the message that is being sent

    private ClientCompression(DeflateAgreement agreement, int minSize)
    {
        var settings = new PerMessageDeflate { MinSize = minSize };
        // Without a filter it asks nothing of a connection.
        chain = new ExtensionChain([
            new DeflateExtension(
                settings,
                ClientConnection.Exchanged(agreement),
                connection: null!
            ),
        ]);
        Decoder = new ChainDecoder(chain);
    }

    /// <summary>What was agreed on; null for no compression.</summary>
    public static ClientCompression? Of(ClientDeflate? wanted, ClientAgreement? agreement) =>
        wanted is not null && agreement is { Compression.IsSome: true }
            ? new ClientCompression(agreement.Compression.Value, wanted.MinSize)
            : null;

    public PayloadDecoder Decoder { get; }

    /// <summary>The payload of a frame of a message as it is sent; what a command has no payload for is left alone.</summary>
    public ReadOnlySpan<byte> Encode(Command command, ReadOnlySpan<byte> payload)
    {
        switch (command)
        {
            case Command.Message message:
                bits = chain.Wanted(new(message.Kind, payload, false, null));
                return chain.Encode(bits, payload, isLast: true);
            case Command.FirstFragment first:
                bits = chain.Wanted(new(first.Kind, payload, true, null));
                return chain.Encode(bits, payload, isLast: false);
            case Command.NextFragment next:
                return chain.Encode(bits, payload, next.Last);
            default:
                return payload;
        }
    }

    /// <summary>Marks the first frame of a message that was compressed (RFC 7692 §6), if it was written.</summary>
    public void Mark(Command command, ReadOnlyMemory<byte> frame)
    {
        var isMarked = bits != ReservedBits.None && command.IsMessage | command.IsFirstFragment;
        if (isMarked && !frame.IsEmpty)
            MemoryMarshal.AsMemory(frame).Span[0] |= Rsv1;
        chain.ReleaseEncoded();
    }
}
