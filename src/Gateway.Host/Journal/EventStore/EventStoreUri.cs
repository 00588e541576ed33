using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Gateway.Host.Journal.EventStore;

/// <summary>One node of the store.</summary>
internal readonly record struct StoreEndpoint(string Host, int Port)
{
    public const int DefaultPort = 2113;

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}

/// <summary>Which node of a cluster is read from. Appends always go to the leader.</summary>
internal enum NodePreference
{
    Leader,
    Follower,
    ReadOnlyReplica,
    Random,
}

/// <summary>
/// A connection string as the store's own clients take it, <c>esdb://user:password@host1:2113,host2:2113?tls=true&amp;…</c> (also <c>kurrentdb://</c>; with
/// <c>+discover</c> the one host is a DNS name of all nodes), and two options more: <c>stream</c> and <c>passwordFile</c>. Option names are not case-sensitive;
/// an unknown one is an error. It prints itself without the password.
/// </summary>
internal sealed record EventStoreUri
{
    private static readonly string[] _schemes = ["esdb", "kurrentdb", "kdb"];

    /// <summary>Options of the store's clients that mean nothing here and do no harm.</summary>
    private static readonly string[] _ignored = ["connectionname", "throwonappendfailure"];

    public required IReadOnlyList<StoreEndpoint> Hosts { get; init; }

    /// <summary>The one host is a DNS name whose addresses are the nodes.</summary>
    public bool Discover { get; init; }

    public string? User { get; init; }

    private string? Password { get; init; }

    /// <summary>A file that holds the password; read at each connection, so that it may be changed under a running gateway.</summary>
    public string? PasswordFile { get; init; }

    public bool Tls { get; init; } = true;

    /// <summary>False: any certificate is taken. For trials.</summary>
    public bool TlsVerifyCert { get; init; } = true;

    /// <summary>PEM file of the authority whose certificates are taken, instead of those of the system.</summary>
    public string? TlsCaFile { get; init; }

    public string? UserCertFile { get; init; }

    public string? UserKeyFile { get; init; }

    /// <summary>How long one request may take with all its repetitions.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long one node may take to name the cluster's members.</summary>
    public TimeSpan GossipTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Pause between two rounds of asking the nodes for the leader.</summary>
    public TimeSpan DiscoveryInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Rounds of asking before a request is given up.</summary>
    public int MaxDiscoverAttempts { get; init; } = 10;

    /// <summary>A ping after so long without traffic; infinite = none.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a ping may go unanswered before the connection counts as lost.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public NodePreference NodePreference { get; init; }

    /// <summary>The stream that holds the journal; null = as the appliance says.</summary>
    public string? Stream { get; init; }

    /// <summary>The members of a cluster must be asked for; a single named node is taken as it is.</summary>
    public bool IsCluster => Discover || Hosts.Count > 1;

    /// <summary>Whether <paramref name="text"/> begins like a connection string of the store.</summary>
    public static bool IsOne(string text) => _schemes.Any(s => text.StartsWith(s + "://", StringComparison.OrdinalIgnoreCase) || text.StartsWith(s + "+discover://", StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads a connection string; the sentence of a failure never repeats credentials.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out EventStoreUri? uri, [NotNullWhen(false)] out string? error)
    {
        (uri, error) = (null, null);
        var end = text.IndexOf("://", StringComparison.Ordinal);
        var scheme = end < 0 ? "" : text[..end].ToLowerInvariant();
        var discover = scheme.EndsWith("+discover", StringComparison.Ordinal);
        if (!_schemes.Contains(discover ? scheme[..^"+discover".Length] : scheme))
        {
            error = "It must begin with esdb:// or esdb+discover://.";
            return false;
        }

        var rest = text[(end + 3)..];
        var query = "";
        if (rest.IndexOf('?', StringComparison.Ordinal) is >= 0 and var mark) (rest, query) = (rest[..mark], rest[(mark + 1)..]);
        rest = rest.TrimEnd('/');
        string? user = null, password = null;
        if (rest.LastIndexOf('@') is >= 0 and var at)
        {
            var credentials = rest[..at];
            rest = rest[(at + 1)..];
            var colon = credentials.IndexOf(':', StringComparison.Ordinal);
            user = Uri.UnescapeDataString(colon < 0 ? credentials : credentials[..colon]);
            password = colon < 0 ? null : Uri.UnescapeDataString(credentials[(colon + 1)..]);
            if (user.Length == 0)
            {
                error = "The user before the @ is empty.";
                return false;
            }
        }

        var hosts = new List<StoreEndpoint>();
        foreach (var part in rest.Split(','))
        {
            if (!TryHost(part, out var host))
            {
                error = $"{(part.Length == 0 ? "An empty word" : part)} is no HOST or HOST:PORT.";
                return false;
            }

            hosts.Add(host);
        }

        if (discover && hosts.Count != 1)
        {
            error = "With +discover it names one host, whose addresses are the nodes.";
            return false;
        }

        var read = new EventStoreUri { Hosts = hosts, Discover = discover, User = user, Password = password };
        foreach (var option in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = option.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? option : option[..equals];
            if (equals < 0 || !TryOption(ref read, name.ToLowerInvariant(), Uri.UnescapeDataString(option[(equals + 1)..])))
            {
                error = $"The option {name} is not known, or its value is not one that it can have.";
                return false;
            }
        }

        if (read.UserCertFile is null != read.UserKeyFile is null)
        {
            error = "userCertFile and userKeyFile go together.";
            return false;
        }

        if (!read.Tls && read.TlsCaFile is not null)
        {
            error = "tlsCAFile does not go with tls=false.";
            return false;
        }

        uri = read;
        return true;
    }

    /// <summary>This one with its files relative to <paramref name="folder"/>.</summary>
    public EventStoreUri In(string folder) => this with
    {
        PasswordFile = Full(PasswordFile, folder),
        TlsCaFile = Full(TlsCaFile, folder),
        UserCertFile = Full(UserCertFile, folder),
        UserKeyFile = Full(UserKeyFile, folder),
    };

    /// <summary>The value of the <c>authorization</c> header; null without credentials.</summary>
    /// <exception cref="IOException">The password's file cannot be read.</exception>
    public string? Authorization()
    {
        if (User is null) return null;
        var password = PasswordFile is { } file ? File.ReadAllText(file).TrimEnd('\r', '\n') : Password ?? "";
        return "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{User}:{password}"));
    }

    public override string ToString() => $"esdb{(Discover ? "+discover" : "")}://{(User is null ? "" : User + "@")}{string.Join(',', Hosts)}{(Tls ? "" : "?tls=false")}";

    private static string? Full(string? file, string folder) => file is null ? null : Path.GetFullPath(file, folder);

    private static bool TryHost(string text, out StoreEndpoint host)
    {
        host = default;
        var (name, port) = (text, "");
        if (text.StartsWith('['))
        {
            var close = text.IndexOf(']', StringComparison.Ordinal);
            if (close < 0 || (close + 1 < text.Length && text[close + 1] != ':')) return false;
            (name, port) = (text[1..close], close + 1 < text.Length ? text[(close + 2)..] : "");
        }
        else if (text.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon)
        {
            (name, port) = (text[..colon], text[(colon + 1)..]);
        }

        if (Uri.CheckHostName(name) == UriHostNameType.Unknown) return false;
        var number = StoreEndpoint.DefaultPort;
        if (port.Length > 0 && !(int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number is > 0 and <= 65535)) return false;
        host = new StoreEndpoint(name, number);
        return true;
    }

    private static bool TryOption(ref EventStoreUri uri, string name, string value)
    {
        switch (name)
        {
            case "tls" when bool.TryParse(value, out var tls):
                uri = uri with { Tls = tls };
                return true;
            case "tlsverifycert" when bool.TryParse(value, out var verify):
                uri = uri with { TlsVerifyCert = verify };
                return true;
            case "tlscafile" when value.Length > 0:
                uri = uri with { TlsCaFile = value };
                return true;
            case "usercertfile" when value.Length > 0:
                uri = uri with { UserCertFile = value };
                return true;
            case "userkeyfile" when value.Length > 0:
                uri = uri with { UserKeyFile = value };
                return true;
            case "passwordfile" when value.Length > 0:
                uri = uri with { PasswordFile = value };
                return true;
            case "stream" when IsStreamName(value):
                uri = uri with { Stream = value };
                return true;
            case "defaultdeadline" when TryMilliseconds(value, out var deadline):
                uri = uri with { Deadline = deadline };
                return true;
            case "gossiptimeout" when TryMilliseconds(value, out var gossip):
                // The store's clients disagree whether it is seconds or milliseconds; small numbers are seconds.
                uri = uri with { GossipTimeout = gossip < TimeSpan.FromMilliseconds(100) ? gossip * 1000 : gossip };
                return true;
            case "discoveryinterval" when TryMilliseconds(value, out var interval):
                uri = uri with { DiscoveryInterval = interval };
                return true;
            case "maxdiscoverattempts" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var attempts) && attempts > 0:
                uri = uri with { MaxDiscoverAttempts = attempts };
                return true;
            case "keepaliveinterval" when value == "-1":
                uri = uri with { KeepAliveInterval = Timeout.InfiniteTimeSpan };
                return true;
            case "keepaliveinterval" when TryMilliseconds(value, out var ping):
                uri = uri with { KeepAliveInterval = ping < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : ping };
                return true;
            case "keepalivetimeout" when TryMilliseconds(value, out var lost):
                uri = uri with { KeepAliveTimeout = lost < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : lost };
                return true;
            case "nodepreference" when Enum.TryParse<NodePreference>(value, ignoreCase: true, out var preference) && !char.IsAsciiDigit(value[0]):
                uri = uri with { NodePreference = preference };
                return true;
            default:
                return _ignored.Contains(name);
        }
    }

    // Names that begin with $ are the store's own.
    private static bool IsStreamName(string name) => name.Length is > 0 and <= 200 && name[0] != '$' && !name.Any(char.IsControl);

    private static bool TryMilliseconds(string value, out TimeSpan time)
    {
        var ok = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0;
        time = TimeSpan.FromMilliseconds(milliseconds);
        return ok;
    }

    // A record prints all its members; this one holds a password.
    private bool PrintMembers(System.Text.StringBuilder text)
    {
        text.Append(ToString());
        return true;
    }
}
