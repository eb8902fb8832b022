using System.Security.Cryptography;
using System.Text;

namespace FunctionalWs;

/// <summary>
/// Pairs of user names and passwords as digests of one size. A look-up compares with every pair, each in constant time: how
/// long it takes tells neither how much of a secret was right nor whether there is such a user.
/// </summary>
internal sealed class CredentialDigests
{
    private const int Size = SHA256.HashSizeInBytes;

    // Text that can't be encoded would be replaced, and then be the same as other text.
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly byte[] digests;

    /// <param name="credentials">The pairs; the last one of a name counts.</param>
    /// <exception cref="ArgumentException">A name or password can't be sent by any client.</exception>
    public CredentialDigests(IEnumerable<KeyValuePair<string, string>> credentials)
    {
        var byName = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (username, password) in credentials)
        {
            Check(username, "name", isColonAllowed: false);
            Check(password, "password", isColonAllowed: true);
            byName[username] = password;
        }

        digests = new byte[byName.Count * Size];
        var offset = 0;
        foreach (var (username, password) in byName)
        {
            Hash(username, password, digests.AsSpan(offset, Size));
            offset += Size;
        }
    }

    /// <summary>True when the pair is one of these.</summary>
    public bool Contains(string username, string password)
    {
        Span<byte> digest = stackalloc byte[Size];
        Hash(username, password, digest);
        var isKnown = false;
        for (var offset = 0; offset < digests.Length; offset += Size)
            isKnown |= CryptographicOperations.FixedTimeEquals(
                digest,
                digests.AsSpan(offset, Size)
            );
        return isKnown;
    }

    // One digest of both: comparing is what takes the time where there are many users.
    private static void Hash(string username, string password, Span<byte> digest)
    {
        Span<byte> both = stackalloc byte[2 * Size];
        SHA256.HashData(Strict.GetBytes(username), both);
        SHA256.HashData(Strict.GetBytes(password), both[Size..]);
        SHA256.HashData(both, digest);
    }

    /// <summary>The message names no secret.</summary>
    private static void Check(string text, string what, bool isColonAllowed)
    {
        ArgumentNullException.ThrowIfNull(text, what);
        if (text.Any(char.IsControl) || (!isColonAllowed && text.Contains(':')))
            throw new ArgumentException(
                Invariant(
                    $"A user's {what} has a control character{(isColonAllowed ? "" : " or a colon")}, which no client can send (RFC 7617 §2)."
                )
            );
        try
        {
            Strict.GetByteCount(text);
        }
        catch (EncoderFallbackException)
        {
            throw new ArgumentException(Invariant($"A user's {what} has a lone surrogate."));
        }
    }
}
