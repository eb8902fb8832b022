using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>Decodes what extensions have transformed, for the endpoint. Guarded by the read gate.</summary>
internal sealed class ChainDecoder(ExtensionChain extensions) : PayloadDecoder
{
    private readonly DecodedData decoded = new();
    private long taken;

    public override ReadOnlySpan<byte> Decoded => decoded.From(taken);

    public override FSharpValueOption<ProtocolError> Decode(
        ReservedBits bits,
        ReadOnlySpan<byte> data,
        bool endOfMessage,
        long room
    )
    {
        decoded.Begin(room);
        taken = 0;
        var found = extensions.Decode(bits, data, endOfMessage, decoded);
        if (decoded.Size == 0)
            Clear(); // nothing is taken then, and the next bytes may never come
        return found is { } error
            ? FSharpValueOption<ProtocolError>.NewValueSome(error)
            : FSharpValueOption<ProtocolError>.None;
    }

    public override void Skip(int count)
    {
        taken += count;
        if (taken == decoded.Size)
            Clear();
    }

    /// <summary>Gives the memory back.</summary>
    public void Clear()
    {
        decoded.Clear();
        taken = 0;
    }
}
