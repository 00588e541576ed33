using System.Net;

namespace Gateway.Host.Ike;

/// <summary>What the IKE side tells the operator; event ids 200–249.</summary>
internal static partial class IkeLog
{
    [LoggerMessage(200, LogLevel.Information, "{Summary}")]
    public static partial void Fact(ILogger log, string summary);

    [LoggerMessage(201, LogLevel.Warning, "CHILD SA {Child} of {Connection} could not be installed in the dataplane: {Result}.")]
    public static partial void NotInstalled(ILogger log, string child, string connection, string result);

    [LoggerMessage(202, LogLevel.Error, "The journal does not take facts of SAs ({Reason}); nothing is sent to peers until it does.")]
    public static partial void JournalRefuses(ILogger log, string reason);

    [LoggerMessage(203, LogLevel.Debug, "A datagram to {Remote} could not leave now; it will be sent again.")]
    public static partial void NotSent(ILogger log, IPEndPoint remote);

    [LoggerMessage(204, LogLevel.Error, "The IKE loop met a fault and goes on without this input.")]
    public static partial void Fault(ILogger log, Exception e);

    [LoggerMessage(205, LogLevel.Information, "{Verb} of {Target}: nothing of that name is up.")]
    public static partial void NothingUp(ILogger log, string verb, string target);

    [LoggerMessage(207, LogLevel.Information, "{IkeSas} IKE SAs and {ChildSas} CHILD SAs go on where the process before this one stopped.")]
    public static partial void Resumed(ILogger log, int ikeSas, int childSas);

    [LoggerMessage(208, LogLevel.Warning, "A slot of an IKE SA was of no use: {Reason}")]
    public static partial void SlotRefused(ILogger log, string reason);

    [LoggerMessage(206, LogLevel.Warning, "IKE and ESP keys are written to the folder of GATEWAY_KEYLOG: every captured packet can be read with them.")]
    public static partial void KeyLogOn(ILogger log);
}
