using System.Buffers.Text;
using System.Globalization;

namespace FunctionalWs;

/// <summary>What a message of a channel is.</summary>
internal enum RequestRole : byte
{
    Request = (byte)'?',
    Response = (byte)'!',
    Failure = (byte)'-',
}

/// <summary>
/// The beginning of a message of a channel, text or bytes: what it is, the number of the request in digits, a space. What follows is the
/// payload.
/// </summary>
/// <param name="Role">What it is.</param>
/// <param name="Id">The number, which the side chose that asks.</param>
/// <param name="Size">How many bytes the beginning has.</param>
internal readonly record struct RequestFrame(RequestRole Role, long Id, int Size)
{
    /// <summary>Role, 19 digits and a space.</summary>
    public const int MaxSize = 21;

    /// <summary>Reads the beginning of a message.</summary>
    /// <returns>False for a message of another kind.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, out RequestFrame frame)
    {
        frame = default;
        if (
            message.IsEmpty
            || (RequestRole)message[0]
                is not (RequestRole.Request or RequestRole.Response or RequestRole.Failure)
        )
            return false;
        var digits = message[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        if (
            digits is < 1 or > 19
            || message[1 + digits] != ' '
            || !Utf8Parser.TryParse(message.Slice(1, digits), out long id, out _)
        )
            return false;
        frame = new RequestFrame((RequestRole)message[0], id, digits + 2);
        return true;
    }

    /// <summary>Writes the beginning of a message.</summary>
    public static void Write(PooledBuffer destination, RequestRole role, long id)
    {
        var span = destination.GetSpan(MaxSize);
        span[0] = (byte)role;
        _ = id.TryFormat(span[1..], out var digits, provider: CultureInfo.InvariantCulture);
        span[digits + 1] = (byte)' ';
        destination.Advance(digits + 2);
    }
}
