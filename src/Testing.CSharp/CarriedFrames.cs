using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>
/// The bytes of one direction of a connection in words, piece by piece: the head of the opening handshake, then frames. Mutable, and
/// used by one thread. What is neither is shown as it is.
/// </summary>
internal sealed class CarriedFrames
{
    private const int MaxHeadSize = 64 * 1024;
    private const int MaxShown = 32;

    private static ReadOnlySpan<byte> EndOfLine => "\r\n"u8;

    private static ReadOnlySpan<byte> EndOfHead => "\r\n\r\n"u8;

    private readonly List<byte> begun = []; // of a head, or of a frame's header
    private Place place = Place.InHead;
    private ConnectionSettings settings = SettingsOf(Role.Server);
    private FrameHeader header;
    private long left; // of the payload

    private enum Place
    {
        InHead,
        InHeader,
        InPayload,
        Unknown,
    }

    /// <summary>Says what the next bytes are.</summary>
    public string Take(ReadOnlySpan<byte> bytes)
    {
        var words = new List<string>();
        while (!bytes.IsEmpty)
        {
            var taken = place switch
            {
                Place.InHead => TakeHead(bytes, words),
                Place.InHeader => TakeHeader(bytes, words),
                Place.InPayload => TakePayload(bytes, words),
                _ => TakeAll(bytes, words),
            };
            bytes = bytes[taken..];
        }
        return string.Join("; ", words);
    }

    private int TakeHead(ReadOnlySpan<byte> bytes, List<string> words)
    {
        var before = begun.Count;
        begun.AddRange(bytes);
        var all = begun.ToArray().AsSpan();
        var isHead = IsStartOf(all, "GET "u8) || IsStartOf(all, "HTTP/1.1 "u8);
        if (!isHead || all.Length > MaxHeadSize)
        {
            place = Place.Unknown;
            return 0;
        }
        var end = all.IndexOf(EndOfHead);
        if (end < 0)
        {
            words.Add("a part of a head");
            return bytes.Length;
        }
        var line = Encoding.Latin1.GetString(all[..all.IndexOf(EndOfLine)]);
        words.Add(PeerText.Escape(line));
        settings = SettingsOf(
            line.StartsWith("GET ", StringComparison.Ordinal) ? Role.Server : Role.Client
        );
        var isOpening =
            settings.Role.IsServer || line.StartsWith("HTTP/1.1 101", StringComparison.Ordinal);
        place = isOpening ? Place.InHeader : Place.Unknown;
        begun.Clear();
        return end + 4 - before;
    }

    private static bool IsStartOf(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> start) =>
        bytes.StartsWith(start[..Math.Min(start.Length, bytes.Length)]);

    private int TakeHeader(ReadOnlySpan<byte> bytes, List<string> words)
    {
        var before = begun.Count;
        begun.AddRange(bytes[..Math.Min(bytes.Length, FrameReader.MaxHeaderSize - before)]);
        switch (FrameReader.ReadHeaderOf(settings, begun.ToArray()))
        {
            case { IsComplete: true } parse:
                header = parse.Header;
                begun.Clear();
                return header.Size - before + BeginPayload(bytes[(header.Size - before)..], words);
            case { IsMalformed: true } parse:
                words.Add(parse.ToString());
                place = Place.Unknown;
                return 0;
            default:
                words.Add("a part of a header");
                return bytes.Length;
        }
    }

    private int BeginPayload(ReadOnlySpan<byte> bytes, List<string> words)
    {
        left = header.PayloadLength;
        if (left <= bytes.Length)
        {
            words.Add(header + Shown(bytes[..(int)left]));
            place = Place.InHeader;
            return (int)left;
        }
        words.Add("the beginning of " + header);
        place = Place.InPayload;
        left -= bytes.Length;
        return bytes.Length;
    }

    private int TakePayload(ReadOnlySpan<byte> bytes, List<string> words)
    {
        var taken = (int)Math.Min(left, bytes.Length);
        left -= taken;
        words.Add((left > 0 ? "a part of " : "the end of ") + header);
        place = left > 0 ? Place.InPayload : Place.InHeader;
        return taken;
    }

    private static int TakeAll(ReadOnlySpan<byte> bytes, List<string> words)
    {
        var more = bytes.Length > MaxShown ? "…" : "";
        words.Add(Convert.ToHexString(bytes[..Math.Min(bytes.Length, MaxShown)]) + more);
        return bytes.Length;
    }

    // A text as it is, all else in hexadecimal.
    private string Shown(ReadOnlySpan<byte> payload)
    {
        if (payload.IsEmpty || payload.Length > MaxShown)
            return "";
        var plain = new byte[payload.Length];
        header.CopyPayload(payload, plain);
        return header.Opcode.IsText && header.ReservedBits == ReservedBits.None
            ? ": '" + PeerText.Escape(Encoding.UTF8.GetString(plain)) + "'"
            : ": " + Convert.ToHexString(plain);
    }

    private static ConnectionSettings SettingsOf(Role role) =>
        new(
            role,
            Limits.Create(Limits.Unlimited, Limits.Unlimited, int.MaxValue),
            validateText: false,
            reservedBits: ReservedBits.Rsv1 | ReservedBits.Rsv2 | ReservedBits.Rsv3,
            allowLongLengths: true
        );
}
