namespace Gateway.Bench.Harness;

/// <summary>A named family of cases. To add one: write the class, and add a line to the table in Program.cs.</summary>
internal interface ISuite
{
    string Name { get; }

    /// <summary>Runs on one processor. Not so where programs are started: they would inherit it.</summary>
    bool Pinned => true;

    void Run(Report report);
}

/// <summary>The suite cannot run on this machine; the message says what is missing.</summary>
internal sealed class NotHereException(string message) : Exception(message);
