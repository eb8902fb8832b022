// What makes the data of a message out of payloads that extensions have transformed (RFC 6455 §9). A codec has its own state and
// is no part of the protocol: it comes in as an argument.
namespace FunctionalWs.Protocol

open System

/// <summary>
/// Decodes payloads for one connection, in the order in which they came. It has a state of its own (a window, say), so what was
/// decoded once can't be decoded again.
/// </summary>
[<AbstractClass>]
type PayloadDecoder() =

    /// <summary>
    /// Decodes the next bytes of a message's payloads. What comes of them is then taken by <c>Decoded</c> and <c>Skip</c> before
    /// the next call.
    /// </summary>
    /// <param name="bits">The bits by which the message was marked.</param>
    /// <param name="data">The bytes, unmasked; they may be cut anywhere.</param>
    /// <param name="endOfMessage">True with the last bytes of the message.</param>
    /// <param name="room">How many bytes may come of it. More than one byte too many needs not be made.</param>
    /// <returns>What is wrong with the bytes; what came before that can be taken all the same.</returns>
    abstract Decode:
        bits: ReservedBits * data: ReadOnlySpan<byte> * endOfMessage: bool * room: int64 ->
            ProtocolError voption

    /// <summary>The next of the decoded bytes, as far as they lie together; empty when all are taken.</summary>
    abstract Decoded: ReadOnlySpan<byte>

    /// <summary>Takes decoded bytes away.</summary>
    /// <param name="count">How many: no more than <c>Decoded</c> has.</param>
    abstract Skip: count: int -> unit
