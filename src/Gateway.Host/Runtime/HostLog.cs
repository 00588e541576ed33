namespace Gateway.Host.Runtime;

/// <summary>What the gateway as a whole tells the operator; event ids 100–149.</summary>
internal static partial class HostLog
{
    [LoggerMessage(100, LogLevel.Information, "Gateway {Id} {Version} runs: revision {Revision}, journal position {Position}, AES-GCM on {Aead}.")]
    public static partial void Started(ILogger log, string id, string version, long revision, long position, string aead);

    [LoggerMessage(101, LogLevel.Information, "Gateway {Id} ends: {Reason}.")]
    public static partial void Stopping(ILogger log, string id, string reason);

    [LoggerMessage(102, LogLevel.Critical, "The journal cannot be written any more by this process, which ends: {Reason}")]
    public static partial void JournalLost(ILogger log, string reason);

    [LoggerMessage(103, LogLevel.Warning, "{IkeSas} IKE SAs that were up do not go on ({Reason}); they are set up anew, and peers are told with INITIAL_CONTACT.")]
    public static partial void NotResumed(ILogger log, int ikeSas, string reason);

    [LoggerMessage(104, LogLevel.Warning, "{Item} of the first configuration was refused: {Path}: {Message}")]
    public static partial void FirstConfigRefused(ILogger log, string item, string path, string message);

    [LoggerMessage(105, LogLevel.Warning, "{Notice}")]
    public static partial void Notice(ILogger log, string notice);

    [LoggerMessage(106, LogLevel.Debug, "{Notice}")]
    public static partial void NoticeDetail(ILogger log, string notice);

    [LoggerMessage(107, LogLevel.Warning, "Device {Device} came back and could not be taken again: {Reason}")]
    public static partial void AttachFailed(ILogger log, string device, string reason);

    [LoggerMessage(108, LogLevel.Information, "Device {Device} was given back to the host; a former run had taken it.")]
    public static partial void GivenBack(ILogger log, string device);

    [LoggerMessage(109, LogLevel.Warning, "The vault and the journal do not belong together, and {Secrets} secrets of the vault are named by no item of this journal. They are kept until the next start: if it is the wrong journal, put the right one in its place before.")]
    public static partial void StraysKept(ILogger log, int secrets);
}
