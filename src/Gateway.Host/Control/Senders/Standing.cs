using Gateway.Policy.Commands;

namespace Gateway.Host.Control.Senders;

/// <summary>What a principal may do, and how much of it.</summary>
/// <param name="Rate">Commands a second in the long run; 0 = any number.</param>
/// <param name="Burst">Commands at once before the rate counts.</param>
/// <param name="InFlight">Commands without an outcome yet.</param>
public sealed record Standing(Speaker Speaker, CommandLimits Limits, double Rate, int Burst, int InFlight);
