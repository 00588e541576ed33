using System.Text;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Deciders;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Rules;
using Gateway.Policy.Journal;

namespace Gateway.Unit.Policy;

/// <summary>Decides commands as text upon a configuration, without a host.</summary>
internal sealed class PolicyWorld
{
    public static ValidationContext Context { get; } = new() { Proposals = new Syntax() };

    public RunningConfiguration State { get; private set; } = RunningConfiguration.Empty;

    /// <summary>The state with the given items, which must be right.</summary>
    public static PolicyWorld With(params string[] items)
    {
        var world = new PolicyWorld();
        if (items.Length > 0) world.Accept(Put(items));
        return world;
    }

    public static string Put(params string[] items) => $$"""{"id":"1","put":[{{string.Join(",", items)}}]}""";

    public static string Item(string kind, string name, string spec) => $$"""{"kind":"{{kind}}","name":"{{name}}","spec":{{spec}}}""";

    /// <summary>Who speaks from now on; at first somebody who may do everything.</summary>
    public Speaker Speaker { get; set; } = new(new Principal("bus", "user:one"), Rights.All);

    public TransactionDecision Decide(string json)
    {
        var reading = CommandReader.Read(Encoding.UTF8.GetBytes(json), CommandLimits.Default);
        if (reading.Command is null) return new TransactionDecision.Rejected(reading.Errors);
        using var request = TransactionRequest.Read((Command.Transaction)reading.Command, CommandLimits.Default);
        return TransactionDecider.Decide(request, State, Context, (slot, value) => Vault.TryGetValue(slot, out var held) && value.Use((_, octets) => octets.SequenceEqual(held)), Speaker);
    }

    public Dictionary<Gateway.Policy.Sa.KeyHandle, byte[]> Vault { get; } = [];

    public TransactionDecision.Accepted Accept(string json)
    {
        var decision = Decide(json);
        if (decision is not TransactionDecision.Accepted accepted) throw new InvalidOperationException(((TransactionDecision.Rejected)decision).Errors.ToString());
        State = accepted.Next;
        return accepted;
    }

    public ValueList<CommandError> Errors(string json) => Decide(json) is TransactionDecision.Rejected rejected ? rejected.Errors : [];

    private sealed class Syntax : IProposalSyntax
    {
        public string? FaultOfIke(string proposal) => proposal.StartsWith("aes", StringComparison.Ordinal) ? null : "There is no such algorithm.";

        public string? FaultOfEsp(string proposal) => FaultOfIke(proposal);
    }
}
