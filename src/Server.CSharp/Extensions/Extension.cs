using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// An extension that a connection uses (RFC 6455 §9): transforms its messages on their way out and in. A message that it
/// has transformed is marked with its reserved bit; others pass it by.
/// </summary>
/// <remarks>
/// Sending and receiving may happen at the same time on two threads, each of them on one at a time: what they share has to
/// be guarded. Nothing of it may wait for something else.
/// </remarks>
public abstract class Extension : IDisposable
{
    /// <summary>Agrees on an extension.</summary>
    /// <param name="name">Its name, a token.</param>
    /// <param name="parameters">What the response tells of it: names and values are tokens.</param>
    /// <param name="reservedBit">
    /// The bit that marks its messages: one, or none for an extension that transforms no message.
    /// </param>
    /// <exception cref="ArgumentException">Something is no token, or there is more than one bit.</exception>
    protected Extension(
        string name,
        IReadOnlyList<ExtensionParameter> parameters,
        ReservedBits reservedBit
    )
    {
        ArgumentNullException.ThrowIfNull(parameters);
        RequireToken(name, nameof(name));
        foreach (var parameter in parameters)
        {
            RequireToken(parameter.Name, nameof(parameters));
            if (parameter.Value is not null)
                RequireToken(parameter.Value, nameof(parameters));
        }
        if (!Enum.IsDefined(reservedBit))
            throw new ArgumentException(
                Invariant(
                    $"An extension has one of the bits Rsv1, Rsv2 and Rsv3, or none, not {reservedBit}."
                ),
                nameof(reservedBit)
            );
        Name = name;
        Parameters = parameters;
        ReservedBit = reservedBit;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>What the response told of it.</summary>
    public IReadOnlyList<ExtensionParameter> Parameters { get; }

    /// <summary>The bit that marks its messages.</summary>
    public ReservedBits ReservedBit { get; }

    /// <summary>Decides whether a message is to be transformed. May be called by many threads at a time.</summary>
    /// <param name="message">The message, as the application sends it.</param>
    /// <remarks>What it throws is thrown by the call that sends; nothing is sent then.</remarks>
    public abstract bool Wants(OutgoingMessage message);

    /// <summary>Transforms a part of a message that is being sent, the parts of one message after the other.</summary>
    /// <param name="data">All of the message, or one of its fragments; may be empty.</param>
    /// <param name="isLast">True when the message ends with it.</param>
    /// <param name="destination">Where the result goes.</param>
    /// <remarks>
    /// An exception closes the connection with 1011, since the message can't be completed, and is logged as an error. The call
    /// that sends throws a <see cref="ConnectionClosedErrorException"/> with it inside. Nothing is transformed after it.
    /// </remarks>
    public abstract void Encode(
        ReadOnlySpan<byte> data,
        bool isLast,
        IBufferWriter<byte> destination
    );

    /// <summary>Transforms back a part of a message that has come, the parts of one message after the other.</summary>
    /// <param name="data">A part; where it was cut tells nothing. May be empty.</param>
    /// <param name="isLast">True when the message ends with it.</param>
    /// <param name="destination">
    /// Where the result goes. Once it is full the message is too large: there is nothing more to do then.
    /// </param>
    /// <returns>What is wrong with the message, such as <see cref="Failed"/>; null for nothing.</returns>
    /// <remarks>
    /// What a peer sends is no reason to throw. An exception closes the connection with 1011 and is logged as an error, as a
    /// handler's. Nothing is transformed after it.
    /// </remarks>
    public abstract ProtocolError? Decode(
        ReadOnlySpan<byte> data,
        bool isLast,
        DecodedData destination
    );

    /// <summary>
    /// The connection has ended. Called once, after the last <c>Encode</c> and <c>Decode</c>. What it throws is logged as an
    /// error, and the other extensions are disposed of all the same.
    /// </summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>What <see cref="Decode"/> returns for a message that can't be decoded: the connection fails with 1002.</summary>
    /// <param name="reason">Why, for the log and the peer: 40 characters of ASCII are told.</param>
    /// <exception cref="ArgumentNullException">The reason is null.</exception>
    protected ProtocolError Failed(string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        return ProtocolError.NewExtensionFailed(Name, reason);
    }

    private static void RequireToken(string value, string parameter)
    {
        if (value is null || !HeaderSyntax.IsToken(value))
            throw new ArgumentException(
                Invariant(
                    $"'{PeerText.Escape(value ?? "null")}' is no token: letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 §5.6.2)."
                ),
                parameter
            );
    }
}
