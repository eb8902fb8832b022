using System.Buffers;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <content>What <see cref="FrameInput"/> finds, under the read gate.</content>
internal sealed partial class Driver
{
    /// <summary>What is wrong with a frame of this header, if anything.</summary>
    public FSharpValueOption<ProtocolError> Check(in FrameHeader header) =>
        Connection.Check(Settings, State, header);

    /// <summary>True when a frame's bytes are validated before it is complete.</summary>
    public bool IsValidated(in FrameHeader header) =>
        Connection.IsValidated(Settings, State, header);

    /// <summary>The bits by which extensions marked the message that a data frame belongs to.</summary>
    public ReservedBits MessageBits(in FrameHeader header) => Connection.MessageBits(State, header);

    /// <summary>The most bytes of data that a frame may bring that is about to begin.</summary>
    public long Room(in FrameHeader header) =>
        Connection.Room(Settings, State, header, isBegun: false);

    /// <summary>Takes a frame that is refused for its header.</summary>
    /// <param name="error">What is wrong with it.</param>
    /// <param name="header">The bytes from its header on.</param>
    public void Refuse(ProtocolError error, in ReadOnlySequence<byte> header) =>
        Receive(Protocol.Input.NewBroken(error), header);

    /// <summary>Takes a control frame, what could not be decoded, or the end of the stream.</summary>
    public void Receive(in Input input) => Receive(input, ReadOnlySequence<byte>.Empty);

    private void Receive(in Input input, in ReadOnlySequence<byte> header)
    {
        Transition transition;
        lock (stateGate)
        {
            transition = Connection.Receive(Settings, state, input);
            if (BrokenRule(transition) is { } error)
                Note(ViolationModule.OfInput(state, Input.Offset, input, error));
            recorder?.Receive(OffsetOf(transition), input, header, transition);
            Enter(transition);
        }
        frames?.Received(input, violation);
        Carry(transition);
    }

    /// <summary>
    /// Where in the input a step is. After a clean end that is behind the close frame, whether its thread is done with that frame
    /// or another one has written the answer meanwhile.
    /// </summary>
    private long OffsetOf(in Transition transition) =>
        transition.State is State.Closed { Closure: Closure.Clean } ? Input.FrameEnd : Input.Offset;

    /// <summary>Takes a part of a data frame; the event tells that the frame is complete.</summary>
    public FSharpValueOption<Event> ReceiveData(
        in FrameHeader header,
        Part part,
        ReadOnlySpan<byte> data
    )
    {
        // What leaves the state as it was needs no lock: it is as if it had come before whatever changes it meanwhile.
        var before = State;
        var transition = Connection.ReceiveData(Settings, before, header, part, data);
        if (
            transition.HalfClose
            || !ReferenceEquals(transition.State, before)
            || recorder is not null
        )
            transition = EnterData(header, part, data);
        if (transition.Event.IsSome)
            frames?.Received(header);
        if (transition.HalfClose)
        {
            frames?.Refused(violation);
            Carry(transition);
        }
        return transition.Event;
    }

    private Transition EnterData(in FrameHeader header, Part part, ReadOnlySpan<byte> data)
    {
        lock (stateGate)
        {
            var transition = Connection.ReceiveData(Settings, state, header, part, data);
            if (BrokenRule(transition) is { } error)
                Note(ViolationModule.OfData(state, Input.Offset, header, part, error));
            recorder?.ReceiveData(Input.Offset, header, part, data, transition);
            Enter(transition);
            return transition;
        }
    }
}
