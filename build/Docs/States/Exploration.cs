using System.Buffers;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs.Docs.States;

/// <summary>A step that the transition functions can take: between which states, after what, and writing what.</summary>
internal sealed record Step(string From, string To, string Cause, bool IsReceived, string? Written);

/// <summary>Finds every step from every state that can be reached, by taking all of a small alphabet.</summary>
internal static class Exploration
{
    // Enough to reach each kind of state from each other, fragmented messages included.
    private const int Depth = 4;

    private static readonly ConnectionSettings Settings = ConnectionSettings.Server;

    private static readonly CloseStatus Status = CloseStatus.Create(CloseCode.GoingAway, "");

    // What comes, in the order of the drawing's labels.
    private static readonly (string Name, Func<State, Transition> Take)[] Received =
    [
        ("data", state => Receive(state, true, Opcode.Text, "a"u8)),
        ("data", state => Receive(state, false, Opcode.Binary, "a"u8)),
        ("data", state => Receive(state, false, Opcode.Continuation, "a"u8)),
        ("data", state => Receive(state, true, Opcode.Continuation, ""u8)),
        ("ping", state => Receive(state, true, Opcode.Ping, ""u8)),
        ("pong", state => Receive(state, true, Opcode.Pong, ""u8)),
        ("close", state => Receive(state, true, Opcode.Close, [3, 232])),
        (
            "broken rule",
            state => Connection.Receive(Settings, state, Input.NewBroken(ProtocolError.MaskMissing))
        ),
        ("end of stream", state => Connection.Receive(Settings, state, Input.EndOfStream)),
    ];

    private static readonly (string Name, Command Command)[] Commands =
    [
        ("Message", Command.NewMessage(MessageKind.Text)),
        ("FirstFragment", Command.NewFirstFragment(MessageKind.Text)),
        ("NextFragment", Command.NewNextFragment(false)),
        ("NextFragment", Command.NewNextFragment(true)),
        ("Ping", Command.NewPing(ControlPayload.Empty)),
        ("Pong", Command.NewPong(ControlPayload.Empty)),
        ("Close", Command.NewClose(Status)),
        ("Fail", Command.NewFail(Status)),
    ];

    public static IReadOnlyList<Step> Run()
    {
        var steps = new HashSet<Step>();
        var known = new HashSet<State> { Connection.Start };
        var states = known.ToList();
        for (var depth = 0; depth < Depth; depth++)
        {
            var found = states.SelectMany(From).ToList();
            steps.UnionWith(found.Select(step => step.Item1));
            states = [.. found.Select(step => step.Item2).Where(known.Add)];
        }

        return [.. steps];
    }

    private static IEnumerable<(Step, State)> From(State state)
    {
        foreach (var (name, take) in Received)
        {
            var transition = take(state);
            // Data may break a rule where it stands; that step is drawn as the rule's.
            var cause =
                name == "data" && IsFailed(transition.State) && !IsFailed(state)
                    ? "broken rule"
                    : name;
            yield return (StepOf(state, transition, cause, isReceived: true), transition.State);
        }

        foreach (var (name, command) in Commands)
        {
            if (Connection.Send(state, command) is { IsAccepted: true } result)
                yield return (
                    StepOf(state, result.Transition, name, isReceived: false),
                    result.Transition.State
                );
        }
    }

    private static Step StepOf(State from, Transition transition, string cause, bool isReceived) =>
        new(NameOf(from), NameOf(transition.State), cause, isReceived, Written(transition));

    private static bool IsFailed(State state) => state is State.Draining { Closure.IsFailed: true };

    private static string NameOf(State state) =>
        state.IsOpen ? "Open"
        : state.IsCloseSent ? "CloseSent"
        : state.IsDraining ? "Draining"
        : "Closed";

    private static string? Written(Transition transition) =>
        !transition.Output.IsSome ? null
        : transition.Output.Value.IsClose ? "close"
        : transition.Output.Value.IsPing ? "ping"
        : transition.Output.Value.IsPong ? "pong"
        : "data";

    private static Transition Receive(
        State state,
        bool fin,
        Opcode opcode,
        ReadOnlySpan<byte> payload
    )
    {
        var bytes = new ArrayBufferWriter<byte>();
        FrameWriter.Write(fin, opcode, payload, FSharpValueOption<uint>.Some(0x3d21fa37), bytes);
        var buffer = new ReadOnlySequence<byte>(bytes.WrittenMemory);
        return Connection.Receive(
            Settings,
            state,
            Input.NewReceived(FrameReader.Read(Settings, in buffer).Frame)
        );
    }
}
